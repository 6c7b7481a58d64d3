"""What of an event everybody who reads the call log may know."""

from collections import deque
from typing import Any

from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT, masked

# Keys whose values are words of a call, at any depth; all other values are ids, numbers and names of the system.
_WORDS = frozenset(
    (
        "text",
        "reason",
        "question",
        "answer",
        "message",
        "asked",
        "tried",
        "earlier",
        "also",
        "promises",
        "value",
        "explanation",
    )
)
_UTTERANCES_BEFORE = 3


class PayloadMask:
    """Masks the payloads of one job's events, in order: a number may have been named in the utterance before."""

    def __init__(self) -> None:
        self._before: deque[str] = deque(maxlen=_UTTERANCES_BEFORE)

    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload without private words; the same one, if it has none."""
        public = {key: self._masked(value, is_words=key in _WORDS) for key, value in payload.items()}
        if isinstance(said := payload.get("text"), str):
            self._before.append(said)
        return public

    def _masked(self, value: Any, *, is_words: bool) -> Any:
        match value:
            case str() if is_words:
                return masked(value, MASKED_BY_DEFAULT, before=". ".join(self._before))
            case list():
                return [self._masked(one, is_words=is_words) for one in value]
            case dict():
                return {key: self._masked(one, is_words=key in _WORDS) for key, one in value.items()}
            case _:
                return value
