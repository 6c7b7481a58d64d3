"""The facts a caller gave, each with the turn that holds it; by rules, from the transcript alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from warm_transfer.transfer.briefing import Fact, Turn
from warm_transfer.transfer.understanding.consent import agrees
from warm_transfer.transfer.understanding.names import introduced_name, introduced_names
from warm_transfer.transfer.understanding.spoken_numbers import CARDINAL, DigitRun, cardinal, digit_runs
from warm_transfer.transfer.understanding.wording import matches, normalized

# A label before (or after) digits says what they are; the first kind that matches wins.
_LABELS = (
    (
        "account_number",
        r"acc?ounts?|a count|customer (?:number|id|i d)|client number|member(?:ship)? (?:number|id)",
    ),
    ("phone_number", r"phone|mobile|cell|call me (?:back )?(?:at|on|under)|reach me|telephone|callback"),
    ("invoice_number", r"invoice|bill number"),
    ("order_number", r"order"),
    ("ticket_number", r"ticket|case number|reference"),
)
_SINGLE = {"caller_name", *(kind for kind, _ in _LABELS)}
_MIN_DIGITS, _MAX_DIGITS = 4, 15
_MOST_CORRECTIONS = 5
# Digits without any label: long enough to be nothing but a phone number.
_UNLABELLED_PHONE_DIGITS = 10
_CORRECTIONS = (
    r"no|sorry|actually|i mean|i meant|correction|make that|wrong|rather|wait|let me correct|not|mistake|"
    r"misspoke|instead",
)
_DENIED_BEFORE = re.compile(
    r"\b(?:not|instead of|rather than|don't use|isn't|is not)\s*(?:number|the)?\s*$", re.IGNORECASE
)
_ENDING = re.compile(
    r"\bend(?:s|ing)?\s+(?:in|with|on)\s+$|\blast (?:\w+ )?(?:digits?|numbers?) (?:is|are)\s+$", re.IGNORECASE
)
_AMOUNT = re.compile(
    rf"(?P<sign>[$€£])\s?(?P<signed>\d[\d,]{{0,15}}(?:\.\d{{1,4}})?)"
    rf"|(?<![\w.])(?P<value>{CARDINAL})\s*(?P<unit>dollars?|bucks|euros?|pounds?|cents?)\b"
    rf"(?:(?:\s+and)?\s+(?P<cents>{CARDINAL})\s*cents?\b)?",
    re.IGNORECASE,
)
_SIGNS = {"$": "dollars", "€": "euros", "£": "pounds"}
_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_NTH = (
    r"(?:the )?(?:\d{1,2}(?:st|nd|rd|th)?|first|second|third|\w+teenth|twentieth|"
    r"\w+(?:ty)?[- ]?(?:first|second|third|th))"
)
_DATE = re.compile(
    rf"\b(?:(?:{_MONTHS}|may) {_NTH}(?!\w)|{_NTH} of (?:{_MONTHS}|may)|\d{{1,2}} (?:{_MONTHS}|may)"
    rf"|(?:last |next |this )?(?:{_DAYS})(?: (?:morning|afternoon|evening|night))?|yesterday|"
    rf"last (?:night|week|month|year)"
    rf"|this (?:morning|month|week)|(?:\d+|an?|one|two|three|four|five|six|seven|a few|"
    rf"several) (?:hours?|days?|weeks?|months?) ago"
    rf"|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?|(?:{_MONTHS}))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the agent's turn before asked for, and what it read back."""

    kind: str | None
    text: str


def superseded(turns: Sequence[Turn], facts: Sequence[Fact]) -> frozenset[str]:
    """Values that the caller gave and took back: what was heard of a kind before its last value, and is no fact now."""
    last = {fact.value for fact in facts}
    turn_ids = {fact.turn_id for fact in facts if fact.kind in (*_SINGLE, "amount")}
    places = [
        number for number, turn in enumerate(turns) if turn.turn_id in turn_ids and matches(turn.text, _CORRECTIONS)
    ][-_MOST_CORRECTIONS:]
    heard = {fact.value for number in places for fact in extract_facts(turns[:number])}
    within = {
        value
        for number in places
        for value in (
            *(run.digits for run in digit_runs(turns[number].text) if len(run.digits) >= _MIN_DIGITS),
            *introduced_names(turns[number].text),
        )
    }
    return frozenset((heard | within) - last)


def extract_facts(turns: Sequence[Turn]) -> tuple[Fact, ...]:
    """The caller's facts in the order they were first said; a corrected one holds its correction.

    Of an agent's words only what the caller then confirmed counts, with the turn of the confirmation.
    """
    facts: list[Fact] = []
    asked = _Asked(kind=None, text="")
    left_open: str | None = None
    was_agent = False
    for turn in turns:
        if turn.speaker != "caller":
            # "Sorry, we were cut off": what the agent asked right before still waits for its answer.
            still = asked.kind if was_agent and "?" not in turn.text else None
            asked = _Asked(kind=asked_kind(turn.text) or left_open or still, text=turn.text)
            was_agent = True
            continue
        was_agent = False
        is_correction = matches(turn.text, _CORRECTIONS)
        for fact in (*_confirmed(turn, asked), *_stated(turn, asked, facts)):
            _put(facts, fact, is_correction=is_correction)
        left_open = _left_open(turn.text)
        asked = _Asked(kind=left_open or asked.kind, text="")
    return tuple(facts)


def asked_kind(agent_text: str) -> str | None:
    """The fact kind that an agent's question asks for, None if it asks for none."""
    questions = [part for part in re.split(r"(?<=[.!?])\s+", agent_text) if part.rstrip().endswith("?")]
    question = normalized(questions[-1]) if questions else ""
    for kind, label in _LABELS:
        if question and re.search(rf"\b(?:{label})\b", question):
            return kind
    return (
        "caller_name"
        if re.search(r"\b(?:(?:your|callers?) (?:full )?name|name please|who am i|who is calling)\b", question)
        else None
    )


def _left_open(text: str) -> str | None:
    """The kind that an utterance announces and does not give: a pause after "my name is" ends a turn."""
    words = normalized(text)
    if re.search(r"\bmy (?:full )?name is$", words):
        return "caller_name"
    return next((kind for kind, label in _LABELS if re.search(rf"\b(?:{label})(?: number)?(?: is)?$", words)), None)


def _put(facts: list[Fact], fact: Fact, *, is_correction: bool) -> None:
    if any(known.kind == fact.kind and known.value == fact.value for known in facts):
        return
    same_kind = [index for index, known in enumerate(facts) if known.kind == fact.kind]
    if same_kind and (fact.kind in _SINGLE or (is_correction and fact.kind == "amount")):
        facts[same_kind[-1]] = fact
    else:
        facts.append(fact)


def _confirmed(turn: Turn, asked: _Asked) -> Iterator[Fact]:
    if "?" not in asked.text or not agrees(turn.text) or digit_runs(turn.text):
        return
    as_said = Turn(turn_id=turn.turn_id, speaker="caller", text=asked.text, at=turn.at)
    yield from _numbers(as_said, _Asked(kind=None, text=""), [])


def _stated(turn: Turn, asked: _Asked, known: Sequence[Fact]) -> Iterator[Fact]:
    names = introduced_names(turn.text) if matches(turn.text, _CORRECTIONS) else ()
    if name := next(reversed(names), None) or introduced_name(turn.text, was_asked=asked.kind == "caller_name"):
        yield Fact(kind="caller_name", value=name, turn_id=turn.turn_id)
    yield from _numbers(turn, asked, known)
    for found in _AMOUNT.finditer(turn.text):
        yield Fact(kind="amount", value=_amount(found), turn_id=turn.turn_id)
    for found in _DATE.finditer(turn.text):
        yield Fact(kind="date", value=found.group(), turn_id=turn.turn_id)


def _numbers(turn: Turn, asked: _Asked, known: Sequence[Fact]) -> Iterator[Fact]:
    """Labelled digit runs; of two of a kind the last counts, save one that is denied ("not 445566")."""
    text = _blank(_AMOUNT, turn.text)
    runs = [run for run in digit_runs(text) if not _DENIED_BEFORE.search(text[: run.start])]
    last_kind: str | None = None
    found: dict[str, Fact] = {}
    for run in runs:
        if ending := _corrected_ending(text, run, [*known, *found.values()]):
            found[ending.kind] = replace(ending, turn_id=turn.turn_id)
            continue
        if not _MIN_DIGITS <= len(run.digits) <= _MAX_DIGITS:
            continue
        kind = _kind(text, run, runs, asked, last_kind, known)
        if kind is not None:
            found[kind] = Fact(kind=kind, value=run.digits, turn_id=turn.turn_id)
            last_kind = kind
    yield from found.values()


def _kind(
    text: str,
    run: DigitRun,
    runs: Sequence[DigitRun],
    asked: _Asked,
    last_kind: str | None,
    known: Sequence[Fact],
) -> str | None:
    before = max((other.end for other in runs if other.end <= run.start), default=0)
    after = min((other.start for other in runs if other.start >= run.end), default=len(text))
    if kind := _label(text[before : run.start], last=True) or _label(text[run.end : after].split(".")[0]):
        return kind
    corrects = matches(text[before : run.start] or text, _CORRECTIONS)
    if corrects and last_kind:
        return last_kind
    if asked.kind and asked.kind != "caller_name":
        return asked.kind
    if corrects and (same := _like(run, known)):
        return same
    return "phone_number" if len(run.digits) >= _UNLABELLED_PHONE_DIGITS else None


def _label(text: str, *, last: bool = False) -> str | None:
    words = normalized(text)
    found = [(match.start(), kind) for kind, label in _LABELS for match in re.finditer(rf"\b(?:{label})\b", words)]
    if not found:
        return None
    return (max if last else min)(found, key=lambda place: place[0])[1]


def _like(run: DigitRun, known: Sequence[Fact]) -> str | None:
    """The kind of a known number that this one may correct: about as long."""
    numbers = [fact for fact in known if fact.value.isdigit() and abs(len(fact.value) - len(run.digits)) <= 1]
    return numbers[-1].kind if numbers else None


def _corrected_ending(text: str, run: DigitRun, known: Sequence[Fact]) -> Fact | None:
    numbers = [fact for fact in known if fact.value.isdigit() and len(fact.value) > len(run.digits)]
    if not numbers or not _ENDING.search(text[: run.start]):
        return None
    return replace(numbers[-1], value=numbers[-1].value[: -len(run.digits)] + run.digits)


def _amount(found: re.Match[str]) -> str:
    if found["sign"]:
        return f"{cardinal(found['signed'])} {_SIGNS[found['sign']]}"
    unit = "dollars" if found["unit"].lower() == "bucks" else found["unit"].lower()
    value = cardinal(found["value"])
    return f"{value}.{cardinal(found['cents']):0>2} {unit}" if found["cents"] else f"{value} {unit}"


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with what matches put out of sight, offsets kept."""
    return pattern.sub(lambda found: "#" * len(found.group()), text)
