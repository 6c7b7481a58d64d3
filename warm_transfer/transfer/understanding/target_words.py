"""Whether a person who is no page's user takes the caller: by the words that Agent A's question names."""

import re

from warm_transfer.transfer.understanding.wording import normalized

_LEAD = r"(?:(?:yes|yeah|ok|okay|sure|alright|all right|please|so|and|now|just|you can|go ahead|i will) )*"
_WHOM = r"(?: (?:me|us|them|him|her|the caller|the call|it))?(?: (?:please|now|thanks|thank you|then))*"
_TAKES = re.compile(rf"{_LEAD}connect{_WHOM}")
_DECLINES = re.compile(rf"(?:no|nope|{_LEAD}decline{_WHOM}|no thanks|no thank you|no not now|not now)(?: sorry)?")


def takes_call(text: str) -> bool:
    """Whether these words are "connect" and little more: within a sentence it decides nothing."""
    return _TAKES.fullmatch(normalized(text)) is not None


def declines_call(text: str) -> bool:
    """Whether these words are a plain no."""
    return _DECLINES.fullmatch(normalized(text)) is not None
