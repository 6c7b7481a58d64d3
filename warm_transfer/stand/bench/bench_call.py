"""One call of the bench: a caller who types or speaks, and what reaches the ear when."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from livekit import rtc

from warm_transfer.stand.bench.bare_job import FirstLine, Kind
from warm_transfer.stand.bench.site import BenchSite
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.downlink import RATE_HZ
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK, is_sound
from warm_transfer.transfer.livekit_adapter.rooms import new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import CHAT_TOPIC, AgentAJob

PATIENCE_S = 40.0
"""For anything that is awaited in a call; a job's cold start beside others takes seconds."""


class UnmeasuredError(Exception):
    """What was to be measured did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchCall:
    """A caller who is connected."""

    caller: Caller
    call_id: str
    room: str
    began_s: float
    """By CLOCK_MONOTONIC, as every `_s` that is no length here."""

    async def hears(self, by: str = "", *, since_s: float = 0.0) -> None:
        """Wait until somebody whose identity begins so has said something since then, and is silent."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    one = await self.caller.utterances.get()
                    if one.identity.startswith(by) and self._at_s(int(one.end_s * RATE_HZ)) >= since_s:
                        return
        except TimeoutError as error:
            raise UnmeasuredError(f"the caller did not hear {by or 'anybody'}") from error

    async def type(self, text: str) -> None:
        """Send a chat message."""
        await self.caller.rtc_room.local_participant.send_text(text, topic=CHAT_TOPIC)

    def first_sound_s(self, since_s: float, by: str = "") -> float:
        """When the first audible frame after that arrived; UnmeasuredError if none did."""
        arrivals = [
            self._at_s(arrived)
            for lane in self.caller.downlink.lanes
            if lane.identity.startswith(by) and lane.track_name != HOLD_MUSIC_TRACK
            for arrived, frame in lane.frames()
            if self._at_s(arrived) >= since_s and is_sound(frame)
        ]
        if not arrivals:
            raise UnmeasuredError(f"nothing was heard of {by or 'anybody'}")
        return min(arrivals)

    def at_s(self, place_s: float) -> float:
        """A place in the recordings as a time."""
        return self._at_s(int(place_s * RATE_HZ))

    def _at_s(self, place: int) -> float:
        return self.began_s + place / RATE_HZ


@asynccontextmanager
async def our_call(site: BenchSite, *, url: str | None = None) -> AsyncIterator[BenchCall]:
    """A call to our Agent A; hung up at the end. `url`: another way to the server."""
    call_id, identity, room = secrets.token_hex(16), _identity(), new_room_name("caller")
    job = AgentAJob(call_id=call_id, caller_identity=identity)
    await site.rooms.create(room, empty_timeout_s=30)
    await site.rooms.dispatch(site.settings.agent_name, room, job.model_dump_json())
    token = caller_token(site.access, room=room, identity=identity, can_move=True)
    async with _connected(url or site.access.url, token, call_id, room) as call:
        yield call


@asynccontextmanager
async def bare_call(
    site: BenchSite, kind: Kind, *, first_line: FirstLine = "generated", url: str | None = None
) -> AsyncIterator[BenchCall]:
    """A call to a bare agent; its room is deleted at the end."""
    identity, room = _identity(), new_room_name("caller")
    job = site.bare_job(kind, identity, first_line)
    await site.rooms.create(room, empty_timeout_s=30)
    await site.rooms.dispatch(f"{site.settings.agent_name}-bare", room, job.model_dump_json())
    token = caller_token(site.access, room=room, identity=identity, can_move=True)
    try:
        async with _connected(url or site.access.url, token, "", room) as call:
            yield call
    finally:
        await site.rooms.delete(room)


@asynccontextmanager
async def _connected(url: str, token: str, call_id: str, room: str) -> AsyncIterator[BenchCall]:
    try:
        async with Caller(url=url, token=token) as caller:
            began_s = time.monotonic() - caller.clock.now_s()
            yield BenchCall(caller=caller, call_id=call_id, room=room, began_s=began_s)
    except ExceptionGroup as group:
        found, others = group.split((UnmeasuredError, rtc.ConnectError, TimeoutError))
        if found is None or others is not None:
            raise
        raise UnmeasuredError(f"the call broke: {found.exceptions[0]!r}") from group


def _identity() -> str:
    return f"caller-{secrets.token_hex(4)}"
