"""The briefing that is made from the transcript by rules: nothing in it that the caller did not say."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from warm_transfer.transfer.briefing import Briefing, Source, Turn
from warm_transfer.transfer.understanding.consent import asks_for_transfer
from warm_transfer.transfer.understanding.facts import extract_facts, superseded
from warm_transfer.transfer.understanding.orders import is_order, without_orders
from warm_transfer.transfer.understanding.privacy import PrivateKind, masked, masked_turns
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs
from warm_transfer.transfer.understanding.wording import clauses, matches, normalized, one_line, reported

_TRIED = (
    r"already (?!paid|told|said|gave|a customer|waiting|been)\w+",
    r"i (?:have |had |also )*(?:tried|restarted|rebooted|reset|unplugged|switched|turned|replaced|"
    r"checked|reinstalled|"
    r"called (?:you|already|before|twice)|emailed|wrote)",
    r"(?:restarted|rebooted|unplugged) (?:it|the|my)",
)
_NOT_TRIED = (r"(?:not|never) (?:\w+ ){0,2}(?:tried|try|restarted|checked)", r"tried nothing", r"nothing yet")
_REQUEST = (
    r"i (?:really |just )?(?:want|need|would like|wish|expect)",
    r"(?:can|could|would) you",
    r"please",
    r"refund",
    r"i am calling (?:to|about|because)",
    r"how (?:do|can) i",
)
_SMALL_TALK = (
    r"^(?:hi|hello|hey|thanks|thank you|bye|goodbye|yes|no|ok|okay|sure|please|good \w+|go ahead|"
    r"yes please|no thanks|"
    r"that is (?:all|right|correct|it)|right|great|perfect|of course|i see)(?: .{0,12})?$",
)
_GIVES_FACT = (
    r"(?:my|the) (?:full |account |customer |phone )*(?:name|number)(?: is)?",
    r"this is \w+(?: \w+)?$",
    r"(?:the )?account(?: number)?(?: is)?",
    r"(?:it|number|that|which) (?:is|ends|ending)(?: (?:in|with|on))?(?: not)?$",
    r"\w+ speaking",
)
_PROMISED = (
    r"promised?",
    r"guaranteed",
    r"assured (?:me|us)",
    r"(?:told|said to) (?:me|us) (?:\w+ ){0,4}(?:would|will|going to)",
    r"(?:you|he|she|they|somebody|someone|colleague|agent|technician) said (?:\w+ ){0,4}(?:would|will|going to)",
)
_MOOD_WORDS = {
    "angry": (r"angry|furious|unacceptable|ridiculous|outrag\w+|disgrace\w*|scandal\w*|sick of|fed up",),
    "upset": (r"upset|annoyed|frustrat\w+|disappointed|unhappy",),
    "worried": (r"worried|afraid|scared|desperate|anxious",),
    "in a hurry": (r"urgent\w*|hurry|right away|asap|as soon as possible|emergency",),
}
_NUMBER_DIGITS = 5
_MAX_ALSO = 3
_MAX_TRIED, _MIN_WORDS, _MAX_REASON_WORDS = 3, 3, 25


def draft_briefing(turns: Sequence[Turn], *, reason: str, withheld: Collection[PrivateKind] = ()) -> Briefing:
    """The briefing of a call so far; `reason` is Agent A's sentence, cleared of name and numbers.

    After an earlier transfer the matter is what the caller said last, from that Agent B on. Nothing `withheld` is in
    it, and no order or claim of the caller's to the agents.
    """
    turns = masked_turns(without_orders(turns), withheld)
    facts = extract_facts(turns)
    name = next((fact.value for fact in facts if fact.kind == "caller_name"), None)
    taken_back = superseded(turns, facts)
    *before, latest = (tuple(_told(matter, name, taken_back)) for matter in _matters(turns))
    told = tuple(reversed(latest)) if before else latest
    tried = tuple(dict.fromkeys(clause for clause in latest if _was_tried(clause)))[:_MAX_TRIED]
    asked = _asked(told or tuple(clause for matter in before for clause in matter))
    promises = tuple(dict.fromkeys(clause for clause in latest if matches(clause, _PROMISED)))[:_MAX_TRIED]
    rest = dict.fromkeys(clause for clause in told if clause != asked and clause not in (*tried, *promises))
    also = tuple(rest)[:_MAX_ALSO]
    return Briefing(
        caller_name=name,
        reason="" if is_order(reason) else masked(cleared(reason, name), withheld),
        tried=tried,
        asked=asked,
        facts=facts,
        earlier=tuple(_earlier(before, name)),
        also=also,
        promises=promises,
        mood=_mood(turns),
        sources=tuple(_sources((asked, *tried, *also, *promises), turns)),
    )


def _sources(statements: Sequence[str], turns: Sequence[Turn]) -> Iterator[Source]:
    for statement in dict.fromkeys(statements):
        said = (turn for turn in reversed(turns) if turn.speaker == "caller" and statement in clauses(turn.text))
        if statement and (turn := next(said, None)):
            yield Source(text=statement, turn_id=turn.turn_id)


def _mood(turns: Sequence[Turn]) -> str:
    said = " ".join(turn.text for turn in turns if turn.speaker == "caller")
    return next((mood for mood, words in _MOOD_WORDS.items() if matches(said, words)), "")


def _matters(turns: Sequence[Turn]) -> Iterator[Sequence[Turn]]:
    """The call cut where the caller came to an Agent B; at least one piece."""
    begin, with_b = 0, False
    for number, turn in enumerate(turns):
        if turn.speaker == "agent_b" and not with_b:
            yield turns[begin:number]
            begin = number
        with_b = turn.speaker == "agent_b" if turn.speaker != "caller" else with_b
    yield turns[begin:]


def _earlier(matters: Sequence[Sequence[str]], name: str | None) -> Iterator[str]:
    """What each matter was about; of the first the first wish, of a later one the last."""
    for number, told in enumerate(matters):
        if clause := _asked(tuple(reversed(told)) if number else told):
            yield cleared(reported_reason(clause), name)


def problem_clause(turns: Sequence[Turn], *, skip: Callable[[str], bool] = lambda _: False) -> str | None:
    """The caller's words that best say what it is about, None if there are none; `skip` leaves some out."""
    name = next((fact.value for fact in extract_facts(turns) if fact.kind == "caller_name"), None)
    told = [clause for clause in _told(turns, name) if not _was_tried(clause) and not skip(clause)]
    problems = [clause for clause in told if not matches(clause, _REQUEST)]
    return next(iter(problems or told), None)


def reported_reason(clause: str) -> str:
    """One sentence about the caller made from their clause: "The caller says their internet is down."."""
    return f"The caller says {reported(clause)}."


def cleared(reason: str, name: str | None) -> str:
    """A reason as one sentence without the caller's name and without long digit runs."""
    text = one_line(reason)
    if name:
        words = "|".join(re.escape(word) for word in (name, *name.split()) if len(word) > 1)
        text = re.sub(rf",?\s*\b(?:{words})\b,?", " the caller ", text, flags=re.IGNORECASE)
    for run in reversed([run for run in digit_runs(text) if len(run.digits) > 3]):
        text = text[: run.start] + text[run.end :]
    text = re.sub(r"(?:the caller\s+)+", "the caller ", " ".join(text.split()), flags=re.IGNORECASE)
    text = re.sub(r"\b(?:account )?number (?:is )?(?=[.,]|$)", "", text)
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0].strip(" .,")
    sentence = " ".join(sentence.split()[:_MAX_REASON_WORDS])
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _told(turns: Sequence[Turn], name: str | None, taken_back: Collection[str] = ()) -> Iterator[str]:
    """The caller's clauses that tell something: no greeting, no bare fact, no wish for a person, nothing taken back."""
    for turn in turns:
        if turn.speaker == "caller":
            for clause in clauses(turn.text):
                if not _tells_nothing(clause, name) and not _holds(clause, taken_back):
                    yield clause


def _holds(clause: str, values: Collection[str]) -> bool:
    numbers = {run.digits for run in digit_runs(clause)}
    words = f" {normalized(clause)} "
    return any(value in numbers or f" {normalized(value)} " in words for value in values)


def _tells_nothing(clause: str, name: str | None) -> bool:
    if matches(clause, _SMALL_TALK) or asks_for_transfer(clause):
        return True
    rest = re.sub(re.escape(name), "", clause, flags=re.IGNORECASE) if name else clause
    for run in reversed(digit_runs(rest)):
        rest = rest[: run.start] + rest[run.end :] if len(run.digits) >= _NUMBER_DIGITS else rest
    words = normalized(rest)
    for pattern in _GIVES_FACT:
        words = re.sub(rf"\b(?:{pattern})\b", " ", words)
    return len(words.split()) < _MIN_WORDS


def _was_tried(clause: str) -> bool:
    return matches(clause, _TRIED) and not matches(clause, _NOT_TRIED)


def _asked(told: Sequence[str]) -> str:
    open_wishes = [clause for clause in told if not _was_tried(clause)]
    requests = [clause for clause in open_wishes if matches(clause, _REQUEST)]
    return next(iter(requests or open_wishes), "")
