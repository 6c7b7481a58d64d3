"""Numbers as callers say them: "four four five", "double five", "44 55 66", "445-566", "twenty dollars"."""

import re
from dataclasses import dataclass

_UNITS = {
    word: value
    for value, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
}
_TEENS = {
    word: value
    for value, word in enumerate(
        [
            *("ten", "eleven", "twelve", "thirteen", "fourteen"),
            *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ],
        start=10,
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
} | {"fourty": 40}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
# Heard for a digit, and only between two digits: alone they are common words.
_HOMOPHONES = {
    "oh": "0",
    "o": "0",
    "won": "1",
    "to": "2",
    "too": "2",
    "tree": "3",
    "for": "4",
    "fore": "4",
    "ate": "8",
}
_FILLERS = {"uh", "um", "er", "dash", "hyphen", "then", "and"}
_DETERMINERS = {"this", "that", "the", "which", "every", "each", "first", "second", "last", "no", "any"}
_TOKEN = re.compile(r"\d+|[A-Za-z]+|[.!?](?=\s|$)")
# A sentence may end within a number that a recognizer cut into pieces, but not after a whole number.
_WHOLE_NUMBER = 6

CARDINAL = (
    r"(?:\d[\d,]{0,15}(?:\.\d{1,4})?|(?:(?:a|"
    + "|".join([*_UNITS, *_TEENS, *_TENS, "hundred", "thousand"])
    + r")(?:[\s-]{1,3}(?:and\s)?(?=\w))?){1,12})"
)
"""Regular expression of a number in digits or words, as in "$20" or "a hundred and twenty".

Bounded everywhere: with `+`, 4000 characters of "a-a-a-" took a minute, and the call stood still for it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitRun:
    """Digits said in one go."""

    digits: str
    start: int
    """Character offsets in the utterance."""
    end: int


def digit_runs(text: str) -> tuple[DigitRun, ...]:
    """All runs of digits of an utterance in order, whatever way each digit was said."""
    tokens = list(_TOKEN.finditer(text))
    runs: list[DigitRun] = []
    position = 0
    while position < len(tokens):
        run, position = _run_from(tokens, position)
        if run is not None:
            runs.append(run)
    return tuple(runs)


def spaced(digits: str) -> str:
    """Digits for speech: "445566" gives "4 4 5 5 6 6", so that they are read one by one."""
    return " ".join(digits)


def cardinal(text: str) -> str:
    """The value of a number that CARDINAL matched, as digits: "a hundred and twenty" gives "120"."""
    plain = text.strip().lower()
    if plain[:1].isdigit():
        return plain.replace(",", "").removesuffix(".00")
    total = group = 0
    for word in re.split(r"[\s-]+", plain):
        if word in {"a", "and"}:
            continue
        if word == "hundred":
            group = max(group, 1) * 100
        elif word == "thousand":
            total, group = total + max(group, 1) * 1000, 0
        else:
            group += (_UNITS | _TEENS | _TENS)[word]
    return str(total + group)


def _run_from(tokens: list[re.Match[str]], first: int) -> tuple[DigitRun | None, int]:
    digits, position, last = "", first, first
    while position < len(tokens):
        said, used = _said(tokens, position, open_run=digits)
        if said is None:
            break
        if said:
            digits, last = digits + said, position + used - 1
        position += used
    if not digits:
        return None, first + 1
    return DigitRun(digits=digits, start=tokens[first].start(), end=tokens[last].end()), last + 1


def _said(tokens: list[re.Match[str]], position: int, *, open_run: str) -> tuple[str | None, int]:
    """The digits at a token and the tokens used; "" for a filler within a run, None where a run ends."""
    word = tokens[position].group().lower()
    following = _word(tokens, position + 1)
    if word.isdigit():
        return word, 1
    if word in _TIMES and (repeated := _digit(following)):
        return repeated * _TIMES[word], 2
    if word == "one" and not open_run and _word(tokens, position - 1) in _DETERMINERS:
        return None, 1
    if word in _UNITS:
        return str(_UNITS[word]), 1
    if word in _TEENS:
        return str(_TEENS[word]), 1
    if word in _TENS:
        if following in _UNITS and following != "zero":
            return str(_TENS[word] + _UNITS[following]), 2
        return str(_TENS[word]), 1
    return _between(word, following, open_run)


def _between(word: str, following: str, open_run: str) -> tuple[str | None, int]:
    goes_on = _digit(following) or following in _TIMES or following in _TENS or following in _TEENS
    if word in {"o", "oh"} and (open_run or goes_on):
        return "0", 1
    if not open_run or len(open_run) >= _WHOLE_NUMBER or not (goes_on or following.isdigit()):
        return None, 1
    if word in _HOMOPHONES:
        return _HOMOPHONES[word], 1
    if word in _FILLERS or word in ".!?":
        return "", 1
    return None, 1


def _word(tokens: list[re.Match[str]], position: int) -> str:
    return tokens[position].group().lower() if 0 <= position < len(tokens) else ""


def _digit(word: str) -> str:
    if word.isdigit() and len(word) == 1:
        return word
    return str(_UNITS[word]) if word in _UNITS else ""
