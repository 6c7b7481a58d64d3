"""The WebSocket: first what is, then what happens; who comes back goes on after the last message they had."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.access import principal_of
from warm_transfer.control.api.control import Control, control_of
from warm_transfer.control.api.errors import ApiError
from warm_transfer.control.api.feed import Follower, Told, history
from warm_transfer.control.api.limits import limits_of
from warm_transfer.control.api.messages import Hello, Said, agent_status, snapshot, update
from warm_transfer.control.api.presences import DeskLine
from warm_transfer.control.api.principals import Principal
from warm_transfer.control.api.views import AgentView

logger = logging.getLogger(__name__)

HELLO_S = 5.0
SEND_S = 5.0
"""A message that a client does not take for so long is its last one."""
MOST_REPLAYED = 2000
"""Events that a client who comes back is told one by one; after a longer absence it gets a snapshot."""
LIVE_S = 24 * 3600.0
"""A call without an end that began earlier is no call any more."""
MOST_MESSAGE_BYTES = 8192

BAD_HELLO, REFUSED, TOO_MANY, TOO_SLOW, LOG_AWAY = 4400, 4401, 4429, 4408, 4503

router = APIRouter()


class _ClosedError(Exception):
    """Why the connection is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.websocket("/ws/{client_id}")
async def follow_calls(socket: WebSocket, client_id: str) -> None:
    """Tell one client what happens; `client_id` is its own name for itself and proves nothing."""
    free = limits_of(socket).connect(socket)
    await socket.accept()
    if free is None:
        await socket.close(TOO_MANY, "too many connections, or too many in a minute")
        return
    try:
        await _serve(socket, control_of(socket))
    except _ClosedError as closed:
        await _close(socket, closed)
    except LogUnavailableError:
        await _close(socket, _ClosedError(LOG_AWAY, "the call log can't be used now"))
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        logger.debug("client gone")
    finally:
        free()


async def _serve(socket: WebSocket, control: Control) -> None:
    hello, principal = await _greet(socket, control)
    if not control.feed.is_up:
        raise _ClosedError(LOG_AWAY, "the call log can't be used now")
    await control.feed.reach(await asyncio.to_thread(control.log.head))
    follower = control.feed.follow()
    try:
        desk = _desk(control, principal, hello)
        if desk is not None:
            principal = principal.at_desk(control.masks_for(desk))
        client = _Client(socket, control, principal, hello, control.feed.seq)
        async with DeskLine(control.presences, desk, hello.presence) as line:
            await client.begin()
            await _until_one_ends(client.tell(follower), client.tell_agents(), line.repeat(), _listen(socket, line))
    finally:
        control.feed.leave(follower)


async def _until_one_ends(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends; what it raised is raised, and the others are cancelled."""
    raised: list[Exception] = []
    async with anyio.create_task_group() as group:

        async def run(job: Coroutine[Any, Any, None]) -> None:
            try:
                await job
            except Exception as error:  # raised again below, alone
                raised.append(error)
            group.cancel_scope.cancel()

        for job in jobs:
            group.start_soon(run, job)
    if raised:
        raise raised[0]


class _Client:
    """What one client has been told."""

    def __init__(self, socket: WebSocket, control: Control, principal: Principal, hello: Hello, seq: int) -> None:
        self._socket = socket
        self._control = control
        self._principal = principal
        self._calls = None if hello.calls is None else set(hello.calls)
        self._last_seq = hello.last_seq
        self._seq = seq
        """All that is known up to this event is told by `begin`."""
        self._sending = asyncio.Lock()
        self._agents: list[AgentView] | None = None

    async def begin(self) -> None:
        """Tell what was missed, or everything."""
        head = await asyncio.to_thread(self._control.log.head)
        if self._last_seq is not None and self._last_seq <= head:
            missed = await asyncio.to_thread(history, self._control.log, self._last_seq, self._seq, MOST_REPLAYED)
            if missed is not None:
                self._seq = max(self._seq, self._last_seq)
                for told in missed:
                    await self._tell(told)
                return
        calls = await asyncio.to_thread(self._visible_calls)
        self._agents = self._control.known_agents()
        await self._send(snapshot(calls, self._agents, self._principal, self._seq))

    async def tell(self, follower: Follower) -> None:
        """Tell what happens from now on, until the client lags too far behind."""
        while news := await follower.next():
            for told in news:
                if told.event.seq > self._seq:
                    await self._tell(told)
                    self._seq = told.event.seq
        raise _ClosedError(TOO_SLOW, "too slow: come back with the last seq")

    async def tell_agents(self) -> None:
        """Tell who is free: once to everybody who came back, then whenever it changes."""
        while not self._principal.is_caller:
            agents = self._control.known_agents()
            if agents != self._agents:
                self._agents = agents
                await self._send(agent_status(agents, self._principal, self._seq))
            await self._control.presences.changed()
        await asyncio.Event().wait()

    async def _tell(self, told: Told) -> None:
        if self._calls is not None and told.event.call_id not in self._calls:
            return
        news = update(told, self._principal)
        if news is not None:
            await self._send(news)

    async def _send(self, news: Mapping[str, Any]) -> None:
        async with self._sending:
            await asyncio.wait_for(self._socket.send_json(news), SEND_S)

    def _visible_calls(self) -> list[CallSnapshot]:
        """As they were at `_seq`."""
        log = self._control.log
        ids = log.live_call_ids(time.time() - LIVE_S) if self._calls is None else sorted(self._calls)
        told = ([event for event in log.events(call_id) if event.seq <= self._seq] for call_id in ids)
        calls = [fold(events) for events in told if events]
        return [call for call in calls if self._principal.may_read(call)]


async def _greet(socket: WebSocket, control: Control) -> tuple[Hello, Principal]:
    """The first message, and who it is from."""
    try:
        hello = Hello.model_validate_json(await asyncio.wait_for(_text(socket), HELLO_S))
    except (ValidationError, TimeoutError):
        raise _ClosedError(BAD_HELLO, "the first message must be a hello, within 5 s") from None
    try:
        principal = principal_of(socket, control, key=hello.key)
    except ApiError as error:
        raise _ClosedError(REFUSED, error.code) from None
    if principal.role == "nobody":
        raise _ClosedError(REFUSED, "key_needed")
    return hello, principal


def _desk(control: Control, principal: Principal, hello: Hello) -> str | None:
    """The person whose desk this is, None for any other client."""
    roster_id = hello.agent if principal.is_local else principal.name if principal.role == "agent" else None
    return roster_id if any(one.id == roster_id and one.kind == "human" for one in control.roster) else None


async def _listen(socket: WebSocket, line: DeskLine) -> None:
    """Hear what a desk says of itself; anything else ends the connection."""
    while True:
        try:
            said = Said.model_validate_json(await _text(socket))
        except ValidationError:
            raise _ClosedError(BAD_HELLO, "only presence may be said here") from None
        await line.say(said.presence)


async def _text(socket: WebSocket) -> str:
    text = await socket.receive_text()
    if len(text) > MOST_MESSAGE_BYTES:
        raise _ClosedError(BAD_HELLO, "the message is too long")
    return text


async def _close(socket: WebSocket, closed: _ClosedError) -> None:
    try:
        await asyncio.wait_for(socket.close(closed.code, closed.reason), SEND_S)
    except (RuntimeError, TimeoutError, WebSocketDisconnect):
        logger.debug("client gone")
