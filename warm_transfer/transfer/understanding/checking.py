"""What a model wrote about a call, held against the transcript: what no turn supports goes."""

from collections.abc import Sequence
from dataclasses import replace

from warm_transfer.transfer.briefing import MOODS, Briefing, Fact, Source, Turn
from warm_transfer.transfer.understanding.drafting import cleared
from warm_transfer.transfer.understanding.orders import is_order
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs
from warm_transfer.transfer.understanding.wording import normalized, reported

SUPPORTED_SHARE = 0.6
"""Of a statement's content words, so many must be in the turn it comes from: a model may rephrase, not invent."""
_LEAST_DIGITS = 3
_COMMON_WORDS = """
a an the and or but so of to for in on at by with from as is are was were be been being am do does did has
have had it its that this these those they their them theirs i my me mine you your caller callers customer
says said say told tells wants want would like need needs asks asked ask he she his her not no any there which
who what when where why how
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def checked(written: Briefing, turns: Sequence[Turn], *, by_rules: Briefing) -> Briefing:
    """The model's briefing as far as the turns support it; what the rules found in them is added or stands instead.

    `turns` are those the target may know of. A fact of a kind that the rules read, too, has their value: they follow
    corrections.
    """
    known = {turn.turn_id: turn for turn in turns}
    read = {fact.kind for fact in by_rules.facts}
    more = [fact for fact in written.facts if fact.kind not in read and _is_supported_fact(fact, known)]
    sources = {source.text: source for source in written.sources}

    def supported(statements: Sequence[str], instead: Sequence[str]) -> tuple[str, ...]:
        kept = tuple(one for one in statements if one in sources and _is_supported_by(sources[one], known))
        return kept or tuple(instead)

    tried = supported(written.tried, by_rules.tried)
    also = supported(written.also, by_rules.also)
    promises = supported(written.promises, by_rules.promises)
    asked = next(iter(supported([written.asked], [by_rules.asked])))
    reason = cleared(written.reason, by_rules.caller_name)
    if not is_supported(reason, turns) or is_order(reason) or _share(reason, _all_words(turns)) < SUPPORTED_SHARE:
        reason = by_rules.reason
    return replace(
        by_rules,
        reason=reason,
        asked=asked,
        tried=tried,
        also=also,
        promises=promises,
        mood=written.mood if written.mood in MOODS else by_rules.mood,
        facts=(*by_rules.facts, *(replace(fact, standing="claimed") for fact in more)),
        sources=tuple({one.text: one for one in (*by_rules.sources, *written.sources)}.values()),
    ).with_sources_of_its_own()


def is_supported(text: str, turns: Sequence[Turn]) -> bool:
    """Whether every number of three digits and more in a text was said in these turns, and nothing claims a check."""
    said = " ".join("".join(run.digits for run in digit_runs(turn.text)) for turn in turns)
    numbers = [run.digits for run in digit_runs(text) if len(run.digits) >= _LEAST_DIGITS]
    claims = {"verified", "authenticated", "authorized"} & set(normalized(text).split())
    return all(number in said for number in numbers) and claims <= set(_all_words(turns))


def _is_supported_fact(fact: Fact, known: dict[str, Turn]) -> bool:
    turn = known.get(fact.turn_id)
    if turn is None or turn.speaker != "caller" or is_order(f"{fact.kind.replace('_', ' ')} {fact.value}"):
        return False
    digits = "".join(run.digits for run in digit_runs(fact.value))
    if digits:
        return digits in "".join(run.digits for run in digit_runs(turn.text))
    words = normalized(fact.value).split()
    return bool(words) and set(words) <= set(normalized(turn.text).split())


def _is_supported_by(source: Source, known: dict[str, Turn]) -> bool:
    turn = known.get(source.turn_id)
    if turn is None or is_order(source.text) or not is_supported(source.text, [turn]):
        return False
    return _share(source.text, set(normalized(f"{turn.text} {reported(turn.text)}").split())) >= SUPPORTED_SHARE


def _share(text: str, said: set[str]) -> float:
    words = set(normalized(text).split()) - _COMMON
    return len(words & said) / len(words) if words else 0.0


def _all_words(turns: Sequence[Turn]) -> set[str]:
    return {word for turn in turns for word in normalized(turn.text).split()}
