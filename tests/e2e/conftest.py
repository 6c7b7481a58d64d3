"""A real livekit-server for every end-to-end test, on ports of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from livekit import api, rtc

from tests.e2e.fake_agent import DEADLINE_S, FakeAgent
from warm_transfer.settings import Settings
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

Kind = Literal["standard", "agent"]

STALL_MS = 150.0
"""Busy cores hold a sender or receiver up: 8 to 85 ms were measured with nothing but one call on two cores. A caller
who is moved without an overlap hears nothing for 235 to 330 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKit:
    url: str
    api_key: str
    api_secret: str

    @property
    def access(self) -> ServerAccess:
        return ServerAccess(url=self.url, api_key=self.api_key, api_secret=self.api_secret, rpc_timeout_s=DEADLINE_S)

    def token(
        self,
        room: str,
        identity: str,
        *,
        kind: Kind = "standard",
        attributes: dict[str, str] | None = None,
        can_update_own_metadata: bool = False,
    ) -> str:
        return (
            api.AccessToken(self.api_key, self.api_secret)
            .with_identity(identity)
            .with_kind(kind)
            .with_attributes(attributes or {})
            .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=can_update_own_metadata))
            .to_jwt()
        )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveKit]:
    """A running server with the keys of livekit.yaml, built first if the machine has none."""
    log_file: Path = tmp_path_factory.mktemp("livekit") / "livekit.log"
    fields = Settings.model_fields
    async with LiveKitServer(log_file=log_file, port=free_port()) as server:
        yield LiveKit(
            url=server.url,
            api_key=fields["livekit_api_key"].default,
            api_secret=fields["livekit_api_secret"].default.get_secret_value(),
        )


AgentIn = Callable[[str], Awaitable[FakeAgent]]


@pytest.fixture
async def agent_in(livekit: LiveKit) -> AsyncIterator[AgentIn]:
    agents: list[FakeAgent] = []

    async def join(room_name: str) -> FakeAgent:
        room = rtc.Room()
        agent = FakeAgent(room)
        await room.connect(livekit.url, livekit.token(room_name, "agent", kind="agent"))
        agents.append(agent)
        return agent

    yield join
    for agent in agents:
        await agent.close()
