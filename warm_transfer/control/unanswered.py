"""What is done for a caller whom nobody answers: no worker, a full one, or one that registered late.

A dispatch without a free worker is lost silently (livekit-server 1.13), but stays listed with its room. Whoever looks
asks again: for an Agent A, then for the busy role, and so on in turn. With no worker at all nothing can speak, and the
room's metadata says so.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import TargetUnavailableError, WireError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import (
    AGENT_A_PREFIX,
    AGENT_B_PREFIX,
    BUSY_PREFIX,
    NOBODY_ANSWERS,
    AgentAJob,
    BusyJob,
    read_job_metadata,
)

logger = logging.getLogger(__name__)

POLL_S = 0.5
NOTED_AFTER = 2
"""Dispatches: then not even the busy role came."""
_AGENTS = (AGENT_A_PREFIX, AGENT_B_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class _WaitingCall:
    """A call that no job of ours has had yet."""

    call_id: str
    room: str
    caller_identity: str | None
    """None if the dispatch did not name the caller."""
    asked: int
    """How often somebody was asked for since, by the log's word."""


class Unanswered:
    """Looks after callers whom nobody answers. Any number may look: each dispatch is claimed once, in the call log."""

    def __init__(self, settings: Settings, *, log: CallLog, rooms: Rooms, by: str) -> None:
        """`by` is who looks, unique among all who do."""
        self._agent_name = settings.agent_name
        self._timeout_s = settings.dispatch_timeout_s
        self._log = log
        self._rooms = rooms
        self._by = by
        self._asked: dict[str, int] = {}
        """How often somebody was asked for, as far as we know, by room."""

    async def watch(self) -> None:
        """Follow every room of the server, until cancelled."""
        known: set[str] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    names = await self._rooms.names()
                except TargetUnavailableError as error:
                    logger.warning("rooms not seen", extra={"why": error.sentence})
                else:
                    for name in names - known:
                        tasks.create_task(self.follow(name), name=f"follow {name}")
                    known = names
                await asyncio.sleep(POLL_S)

    async def follow(self, room: str) -> None:
        """Ask for somebody as often as needed; returns once an agent is in the room, or it is none of ours, or gone."""
        clock = asyncio.get_running_loop().time
        alone_since: float | None = None
        try:
            while (people := await self._people(room)) is None or not _has(people, _AGENTS):
                if people is not None and not people and await self._is_gone(room):
                    return
                if not people or _has(people, BUSY_PREFIX):
                    alone_since = None
                elif alone_since is None:
                    alone_since = clock()
                elif clock() - alone_since >= self._timeout_s:
                    if not await self._ask(room, people):
                        return
                    alone_since = clock()
                await asyncio.sleep(POLL_S)
        finally:
            if self._asked.pop(room, 0) > NOTED_AFTER:
                await self._describe(room, "")

    async def _people(self, room: str) -> set[str] | None:
        """Who is in the room; None if nobody can tell."""
        try:
            return await self._rooms.people(room)
        except TargetUnavailableError as error:
            logger.warning("room not seen", extra={"why": error.sentence})
            return None

    async def _is_gone(self, room: str) -> bool:
        try:
            return bool(await self._rooms.missing([room]))
        except TargetUnavailableError:
            return False

    async def _ask(self, room: str, people: set[str]) -> bool:
        """Ask once for an agent for this caller; False if the call is not ours to look after."""
        try:
            call = await self._waiting_call(room)
            if call is None:
                return False
            caller = call.caller_identity or min(people)
            if call.asked > self._asked.get(room, 0):  # by another, a moment ago
                self._asked[room] = call.asked
            elif caller in people:
                await self._dispatch(call, caller)
        except TargetUnavailableError as error:
            logger.warning("nobody asked for", extra={"why": error.sentence})
        return True

    async def _dispatch(self, call: _WaitingCall, caller: str) -> None:
        number = self._asked[call.room] = self._asked.get(call.room, 0) + 1  # the log's, if it is not away
        role: Literal["agent_a", "busy"] = "agent_a" if number % 2 else "busy"
        if number > NOTED_AFTER:
            await self._describe(call.room, NOBODY_ANSWERS)
        if await self._claim(call, caller, role, number):
            logger.warning("caller unanswered", extra={"call_id": call.call_id, "asked_for": role, "number": number})
            make = AgentAJob if role == "agent_a" else BusyJob
            job = make(call_id=call.call_id, caller_identity=caller)
            await self._rooms.dispatch(self._agent_name, call.room, job.model_dump_json())

    async def _waiting_call(self, room: str) -> _WaitingCall | None:
        """The call that this room was made for; None if that is none of ours, or an agent has had it."""
        for dispatched in await self._rooms.dispatches(room, self._agent_name):
            try:
                job = read_job_metadata(dispatched.metadata)
            except WireError:
                continue
            if not isinstance(job, AgentAJob) or job.replaces is not None:
                continue
            call_id = job.call_id or dispatched.dispatch_id
            asked = [await self._times_asked(one) for one in {call_id, *dispatched.job_ids}]
            if None in asked:  # if its job died, that is for the recovery
                return None
            times = sum(filter(None, asked))
            return _WaitingCall(call_id=call_id, room=room, caller_identity=job.caller_identity, asked=times)
        return None

    async def _times_asked(self, call_id: str) -> int | None:
        """How often somebody was asked for by the log's word; None if an agent has had the call."""
        try:
            events = await asyncio.to_thread(self._log.events, call_id)
        except LogUnavailableError:
            return 0  # voice goes first: of two agents in a room one leaves
        if any(one.type == CallEvent.JOB_STARTED and one.payload.get("role") != "busy" for one in events):
            return None
        return sum(one.type == CallEvent.DISPATCHED_AGAIN for one in events)

    async def _claim(self, call: _WaitingCall, caller: str, role: str, number: int) -> bool:
        """Whether this dispatch is ours to make: who writes it first has it."""
        payload = {"room": call.room, "caller_identity": caller, "role": role, "by": self._by}
        event_id = f"again-{call.call_id[:36]}-{number}"
        try:
            stored = await asyncio.to_thread(
                self._log.append, call.call_id, CallEvent.DISPATCHED_AGAIN, payload, event_id=event_id
            )
        except LogUnavailableError:
            return True
        return bool(stored.payload["by"] == self._by)

    async def _describe(self, room: str, metadata: str) -> None:
        try:
            await self._rooms.describe(room, metadata)
        except TargetUnavailableError as error:
            logger.warning("room not described", extra={"why": error.sentence})


def _has(people: set[str], prefix: str | tuple[str, ...]) -> bool:
    return any(identity.startswith(prefix) for identity in people)
