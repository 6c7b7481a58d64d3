"""The briefing that is made from the transcript by rules: nothing in it that the caller did not say."""

import re
from collections.abc import Callable, Iterator, Sequence

from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.understanding.consent import asks_for_transfer
from warm_transfer.transfer.understanding.facts import extract_facts
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
_NUMBER_DIGITS = 5
_MAX_TRIED, _MIN_WORDS, _MAX_REASON_WORDS = 3, 3, 25


def draft_briefing(turns: Sequence[Turn], *, reason: str) -> Briefing:
    """The briefing of a call so far; `reason` is Agent A's sentence, cleared of name and numbers.

    After an earlier transfer the matter is what the caller said last, from that Agent B on.
    """
    facts = extract_facts(turns)
    name = next((fact.value for fact in facts if fact.kind == "caller_name"), None)
    *before, latest = (tuple(_told(matter, name)) for matter in _matters(turns))
    told = tuple(reversed(latest)) if before else latest
    return Briefing(
        caller_name=name,
        reason=cleared(reason, name),
        tried=tuple(dict.fromkeys(clause for clause in latest if _was_tried(clause)))[:_MAX_TRIED],
        asked=_asked(told or tuple(clause for matter in before for clause in matter)),
        facts=facts,
        earlier=tuple(_earlier(before, name)),
    )


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


def _told(turns: Sequence[Turn], name: str | None) -> Iterator[str]:
    """The caller's clauses that tell something: no greeting, no bare fact, no wish for a person."""
    for turn in turns:
        if turn.speaker == "caller":
            for clause in clauses(turn.text):
                if not _tells_nothing(clause, name):
                    yield clause


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
