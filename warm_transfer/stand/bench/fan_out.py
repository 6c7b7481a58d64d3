"""How long it takes until everybody who watches knows of an event."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog

_HELLO = json.dumps({"type": "hello", "last_seq": None, "calls": None})
_BETWEEN_S = 0.05
_WAIT_S = 20.0
_CALL = "bench-live"


async def first_snapshot_ms(url: str) -> float:
    """From opening a WebSocket to the first message, which shows every live call."""
    began_s = time.perf_counter()
    async with connect(_address(url)) as socket:
        await socket.send(_HELLO)
        await _next(socket, "snapshot")
    return (time.perf_counter() - began_s) * 1000


async def fan_out(url: str, log: CallLog, *, clients: int, events: int) -> list[float]:
    """Write so many events; for each client and event the ms until it was told."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(connect(_address(url))) for _ in range(clients)]
        for socket in sockets:
            await socket.send(_HELLO)
            await _next(socket, "snapshot")
        written: dict[str, float] = {}
        reading = [asyncio.create_task(_hear(socket, events)) for socket in sockets]
        for number in range(events):
            words = f"event {time.monotonic_ns()}"
            payload = {"turn_id": f"t{number}", "speaker": "caller", "room": "caller-1", "text": words, "at": 0.0}
            await asyncio.to_thread(log.append, _CALL, CallEvent.TURN_SPOKEN, payload)
            written[words] = time.monotonic()
            await asyncio.sleep(_BETWEEN_S)
        async with asyncio.timeout(_WAIT_S):
            heard = await asyncio.gather(*reading)
    return [max(at_s - written[words], 0) * 1000 for told in heard for words, at_s in told]


async def _hear(socket: ClientConnection, events: int) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    while len(told) < events:
        message = await _next(socket, "transcript")
        told.append((message["data"]["turn"]["text"], time.monotonic()))
    return told


async def _next(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(_WAIT_S):
        while (message := json.loads(await socket.recv()))["type"] != kind:
            pass
    return dict(message)


def _address(url: str) -> str:
    return f"{url.replace('http', 'ws', 1)}/ws/bench"
