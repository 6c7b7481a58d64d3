"""A stand-in for every provider, and the real plugins that talk with it over sockets of loopback."""

import gc
from collections.abc import AsyncIterator, Callable

import pytest
from livekit.agents.utils import http_context

from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.wire.server import WireServer

Configure = Callable[..., Settings]


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with WireServer() as server, http_context.open():
        yield server
    gc.collect()  # else what a plugin left open warns in another test


@pytest.fixture
def configured(wire: WireServer) -> Configure:
    return lambda **environ: load_settings("/nonexistent", wire.environment | environ)
