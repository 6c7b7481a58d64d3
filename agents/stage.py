"""An Agent B's session with its caller, begun before the caller is there."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from livekit.agents import AgentSession

from agents.agent_b import AgentB
from agents.transcript import Transcript


@dataclass(slots=True, kw_only=True)
class Stage:
    """Session, agent and transcript of one caller; closed by who made it."""

    session: AgentSession[None]
    agent: AgentB
    transcript: Transcript
    _starting: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self, starting: Coroutine[Any, Any, None]) -> None:
        """Let the session start beside everything else."""
        self._starting = asyncio.create_task(starting, name="start Agent B's session")

    async def until_started(self) -> None:
        """Wait for the session; raises what its start raised."""
        if self._starting is not None:
            await self._starting

    @property
    def is_heard(self) -> bool:
        """Whether somebody has subscribed to the session's track."""
        heard = self.session.room_io.subscribed_fut
        return heard is not None and heard.done()

    async def aclose(self) -> None:
        """End the session, also one that is just starting."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.session.aclose()
