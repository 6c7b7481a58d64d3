"""The port through which the consult's turns are also spoken and heard."""

from typing import Any, Protocol


class ConsultVoice(Protocol):
    """Speaks and transcribes in the consult room; the turns themselves travel as data and hang on nothing heard."""

    async def attach(self, room: Any, peer: str) -> None:
        """Publish a track in this connected `rtc.Room` and listen to the peer's."""

    async def say(self, text: str) -> None:
        """Speak one turn; returns when it has been played out."""

    async def detach(self) -> None:
        """Stop speaking and listening; safe to call twice."""
