"""What in a caller's words is private, by kind, and the words with it masked. By rules, which rather mask too much."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, get_args

from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs
from warm_transfer.transfer.understanding.wording import normalized

PrivateKind = Literal[
    "card_number",
    "security_code",
    "password",
    "national_id",
    "bank_account",
    "date_of_birth",
    "email",
    "address",
    "health",
    "phone_number",
    "account_number",
]
PRIVATE_KINDS: frozenset[PrivateKind] = frozenset(get_args(PrivateKind))
MASKED_BY_DEFAULT: frozenset[PrivateKind] = PRIVATE_KINDS - {"phone_number", "account_number"}
"""For a target without a policy, and for every page, export and message: who calls back needs the two others."""

_Span = tuple[int, int, PrivateKind]

_CARD_DIGITS = 13
"""From so many digits on a number is a card's or a bank account's, whatever is said about it."""
_PART_DIGITS = 3
_TURNS_BEFORE = 3
_ANSWER_CHARACTERS = 30
# The label that was said last before a number says what it is.
_NUMBER_LABELS: tuple[tuple[PrivateKind, str], ...] = (
    ("security_code", r"cvv|cvc|csc|security code|(?:the|card|its|a) code|code (?:is|on)|three digits on the back"),
    ("password", r"pin|pin code|passcode|password|pass phrase|passphrase"),
    (
        "national_id",
        r"social security|ssn|social|national insurance|passport|identity card|id card|driver'?s? licen[cs]e",
    ),
    ("bank_account", r"iban|routing|sort code|bank account|bank"),
    ("card_number", r"(?:credit |debit |bank )?card|visa|master ?card|amex|american express"),
    ("account_number", r"account|customer number|client number"),
    ("phone_number", r"phone|mobile|cell|call me|reach me|telephone|callback"),
    ("date_of_birth", r"born|date of birth|birth ?day|birth date|dob"),
)
_OTHER_NUMBERS = r"invoice|order|ticket|case|reference|dollars|euros|pounds|bill"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_STREET = (
    r"street|avenue|road|lane|drive|boulevard|court|square|terrace|crescent|parkway|highway|close|alley|"
    r"st|ave|rd|blvd"
)
_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred)"
)
_NUMBER_WORD = rf"(?:\d+[a-z]?|{_NUMBER}[\s-](?:(?:and\s)?{_NUMBER}[\s-]){{0,4}})"
_WORDINGS: tuple[tuple[PrivateKind, str], ...] = (
    ("email", r"\S{1,64}@\S{1,100}|\b[\w.]{1,40}(?: dot \w{1,40}){0,3} at \w{1,40}(?: dot \w{2,20}){1,3}\b"),
    ("bank_account", r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,4})?\b"),
    ("national_id", r"\b\d{3}[- ]\d{2}[- ]\d{4}\b|\bpassport(?: number)?(?: is)? (?=\w*\d)\w{6,12}\b"),
    (
        "date_of_birth",
        r"\b(?:born|date of birth|birth ?day|birth date|dob)\b(?: is| was|:)?(?: on| in)?(?: the)?[ ,]*"
        rf"(?:(?:\d{{1,4}}(?:st|nd|rd|th)?|{_MONTHS}|of|the|and|nineteen|twenty|two thousand|\w+teenth|\w+(?:ty)?"
        r"[- ]?(?:first|second|third|th)|(?:thir|for|fif|six|seven|eigh|nine)ty|one|two|three|four|five|six|seven|"
        r"eight|nine|ten|eleven|twelve)\b[-/., ]*){1,9}",
    ),
    (
        "password",
        r"\b(?:password|pass ?phrase|passcode|pass ?word)(?: is| was|:)\s+"
        r"(?!(?:not|wrong|gone|lost|broken|no|rejected|refused|expired|invalid|never)\b)[^\s.,!?]+(?: \d+)*",
    ),
    (
        "address",
        rf"\b{_NUMBER_WORD},?\s?(?:[\w'-]+\s){{1,4}}?(?:{_STREET})\b\.?|"
        r"\b(?:my|our|the) (?:home |new |old |street |postal )?address is (?!not\b|wrong\b)[^.!?]{1,80}|"
        rf"\b(?:live|living|located|moved|moving|move) (?:at|on|to|in)\s(?:[\w'-]+\s){{0,3}}(?:{_STREET})\b"
        r"(?:\s(?:number\s)?\d+[a-z]?)?",
    ),
    (
        "health",
        r"\b(?:diabet\w*|cancer|tumou?r|epilep\w*|asthma\w*|pregnan\w*|surger\w*|operation on my \w+|disab\w*|"
        r"wheelchair|dialysis|insulin|medication|medicine|prescription|depress(?:ion|ed)|anxiety|heart "
        r"(?:attack|condition|disease|failure|problem)|pacemaker|hospital\w*|chemo\w*|illness|stroke|dementia|"
        r"alzheimer\w*|parkinson\w*|multiple sclerosis|hiv|aids|blind(?:ness)?|deaf(?:ness)?|hearing loss|"
        r"oxygen (?:machine|concentrator|tank)|ventilator|arthritis|migraines?|seizures?|allerg\w+|autis\w+|"
        r"adhd|therapist|psychiatr\w+|miscarriage|kidney\w*|transplant|copd|lupus|bipolar|schizophren\w*|"
        r"medical (?:\w+)|chronic \w+|health (?:condition|problem|issue)s?|terminally ill|seriously ill)\b",
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _WORDINGS)


def masked(text: str, kinds: Collection[PrivateKind], *, before: str = "") -> str:
    """The text with every private part of these kinds named instead of told: "my card is [card number]".

    `before` is what was said right before, which may say what a bare number is.
    """
    out, end = "", 0
    for start, stop, kind in _joined(span for span in _spans(text, before) if span[2] in kinds):
        out += f"{text[end:start]}[{kind.replace('_', ' ')}]"
        end = stop
    return out + text[end:]


def masked_turns(turns: Sequence[Turn], kinds: Collection[PrivateKind]) -> tuple[Turn, ...]:
    """The turns as somebody may know them from whom these kinds are kept."""
    return tuple(
        replace(turn, text=masked(turn.text, kinds, before=said_before(turns[:number])))
        for number, turn in enumerate(turns)
    )


def said_before(turns: Sequence[Turn]) -> str:
    """The last turns as one text: a number that a pause cut into pieces still has its label there."""
    return ". ".join(turn.text for turn in turns[-_TURNS_BEFORE:])


def _spans(text: str, before: str) -> Iterator[_Span]:
    for kind, pattern in _PATTERNS:
        yield from ((found.start(), found.end(), kind) for found in pattern.finditer(text) if found.group().strip())
    end = 0
    for run in digit_runs(text):
        label = _label(text[end : run.start]) or _label(text[run.end : run.end + 30].split(".")[0], first=True)
        if not label and run.start < _ANSWER_CHARACTERS:
            label = _label(before)  # a number at the start of a turn answers, or goes on
        if (number_kind := _number_kind(run.digits, label)) is not None:
            yield run.start, run.end, number_kind
        end = run.end if label is None else end


def _number_kind(digits: str, label: str | None) -> PrivateKind | None:
    if len(digits) >= _CARD_DIGITS:
        return "bank_account" if label == "bank_account" else "card_number"
    if len(digits) < _PART_DIGITS and label != "date_of_birth":
        return None
    return next((kind for kind, _ in _NUMBER_LABELS if kind == label), None)


def _label(text: str, *, first: bool = False) -> str | None:
    words = normalized(text)
    labels = (*_NUMBER_LABELS, ("other", _OTHER_NUMBERS))
    found = [(match.start(), kind) for kind, label in labels for match in re.finditer(rf"\b(?:{label})\b", words)]
    # Of two at one place the more special is named first: "bank account" before "account".
    return (min if first else max)(found, key=lambda place: place[0])[1] if found else None


def _joined(spans: Iterable[_Span]) -> Iterator[_Span]:
    """In order and apart: of two that overlap the longer one counts, for what both cover."""
    last: _Span | None = None
    for span in sorted(spans, key=lambda one: (one[0], -one[1])):
        if last is None or span[0] >= last[1]:
            if last is not None:
                yield last
            last = span
        elif span[1] > last[1]:
            last = (last[0], span[1], last[2])
    if last is not None:
        yield last
