"""A call whose caller types and listens: for faults where no speech of the caller's is needed."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.downlink import CallClock, Lane, Samples
from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.stand.demo.left_over import is_alive
from warm_transfer.stand.faults.evidence import Fault, Strike, UnmetError
from warm_transfer.stand.faults.remembered import (
    TELLS_WHO,
    TELLS_WHY,
    WANTS_BILLING,
    WANTS_BILLING_NOW,
    WANTS_NOW,
    lost_facts,
    told_in,
)
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.terms import State
from warm_transfer.transfer.wire import AGENT_A_PREFIX

WAIT_S = 40.0
"""For anything that is waited for; on two busy cores a job's start takes seconds."""
SEEN_EACH_S = 0.25
QUIET_S = 1.2
"""Longer than a pause between two sentences."""
POLL_S = 0.05
LATEST = 5
"""Calls that may have begun after a playground's."""


class TypedCall:
    """One call under way; see `Stage.call`."""

    caller: Caller | None = None
    """Who is in the call now; another one after a return."""

    def __init__(self, *, site: FaultSite, rooms: Rooms, room: str, log: CallLog | None = None) -> None:
        """`log`: of the worker that has the call, if it has one of its own."""
        self.call_id: str | None = secrets.token_hex(16)
        """None for a playground's until its job has given it one."""
        self.room = room
        self.token = ""
        self.strikes: list[Strike] = []
        self.heard: list[Utterance] = []
        self.lanes: list[Lane] = []
        self.clock = CallClock()
        self.most_agents = 0
        """Agent As in the caller's room, at any one time."""
        self.agents_allowed = 1
        self.log = log or site.log
        self._known: list[LoggedEvent] = []
        self._told: dict[str, float] = {}
        """When the caller first told each kind of fact, seconds since the epoch."""
        self._site = site
        self._rooms = rooms

    def strike(self, fault: Fault, *texts: str, within_s: float = 0.0) -> Strike:
        """A fault strikes now, and within that time the caller is to hear one of these texts, or anything agents said.

        Without a time nobody is to hear anything.
        """
        strike = Strike(
            fault=fault,
            at_s=self.clock.now_s(),
            struck_at=time.time(),
            load=os.getloadavg()[0],
            texts=texts,
            within_s=within_s,
        )
        self.strikes.append(strike)
        return strike

    def fail(self, why: str) -> None:
        """Count this for the last strike."""
        if self.strikes:
            self.strikes[-1].failures.append(why)

    async def say(self, text: str, samples: Samples, rate_hz: int) -> None:
        """Let the caller speak: int16[n_samples]."""
        self._note_told(text)
        await self._in_call.say(text, samples, rate_hz)

    async def hang_up(self) -> None:
        """Press the end button."""
        await self._in_call.hang_up()

    @property
    def room_metadata(self) -> str:
        """What the room tells the caller's client."""
        return self._in_call.rtc_room.metadata or ""

    async def leave(self) -> None:
        """Go away without a word, as a page that is loaded again."""
        await self._in_call.rtc_room.disconnect()

    async def type(self, text: str) -> None:
        """Send a chat message to the agent, as a playground does."""
        self._note_told(text)
        await self._in_call.rtc_room.local_participant.send_text(text, topic="lk.chat")

    async def events(self) -> list[LoggedEvent]:
        """All events of the call so far; those known before, while the log can't be read."""
        with suppress(LogUnavailableError):
            if self.call_id is None:
                self.call_id = await asyncio.to_thread(self._call_of_our_room)
            if self.call_id is not None:
                self._known = await asyncio.to_thread(self.log.events, self.call_id)
        return self._known

    def _call_of_our_room(self) -> str | None:
        for call_id in self.log.call_ids(limit=LATEST):
            started = [one for one in self.log.events(call_id) if one.type == "call_started"]
            if any(one.payload["caller_room"] == self.room for one in started):
                return call_id
        return None

    async def until(
        self, event_type: str, *, count: int = 1, timeout_s: float = WAIT_S, **payload: object
    ) -> LoggedEvent:
        """Wait until the call log has so many events of this type whose payload has these values."""
        found: list[LoggedEvent] = []

        async def is_there() -> bool:
            found[:] = [e for e in await self.events() if e.type == event_type and payload.items() <= e.payload.items()]
            return len(found) >= count

        await _until(is_there, timeout_s, f"no {event_type} {payload or ''}".strip())
        return found[count - 1]

    async def until_said(self, words: str, *, speaker: str = "agent_a", count: int = 1) -> None:
        """Wait until this was said so often, by the log's word."""

        async def is_said() -> bool:
            turns = [one.payload for one in await self.events() if one.type == "turn_spoken"]
            said = [one for one in turns if one["speaker"] == speaker and words.lower() in one["text"].lower()]
            return len(said) >= count

        await _until(is_said, WAIT_S, f"{speaker} never said {words!r}")

    async def tell_who(self) -> None:
        """Tell name and account number, and wait until that was answered."""
        await self.until_quiet()
        told_at_s = self.clock.now_s()
        await self.type(TELLS_WHO)
        await self._until_heard_since(told_at_s)
        await self.until_quiet()

    async def use_facts(self) -> None:
        """Go on to Agent B, who needs what was told before the fault: it is asked for again by whoever forgot it."""
        await self.until_quiet()
        completed = await self._completed()
        await self.type(f"{TELLS_WHY} {WANTS_NOW}")
        await self.until("transfer_ended", count=completed + 1, disposition="completed")
        await self.until_said("susan", speaker="agent_b")
        await self.until_quiet()

    def count_lost_facts(self, events: Sequence[LoggedEvent]) -> None:
        """Give each strike how many of the facts that the caller had told were lost up to the next one."""
        lost = lost_facts(events, self._told)
        ends = [*(one.struck_at for one in self.strikes[1:]), float("inf")]
        for strike, until in zip(self.strikes, ends, strict=False):
            strike.facts_lost = sum(strike.struck_at < at <= until for at in lost)

    async def until_heard(self, after: Strike | None = None, *, by: str = "") -> None:
        """Wait until the caller has heard out somebody who began to speak after this; `by`: how the identity begins."""
        await self._until_heard_since(after.at_s if after else 0.0, by)

    async def until_quiet(self) -> None:
        """Wait until nobody speaks any more, so that what is heard next is about what happens next."""

        async def is_quiet() -> bool:
            return self._in_call.silent_for_s > QUIET_S

        await _until(is_quiet, WAIT_S, "it was never quiet")

    async def come_to(self, state: State) -> None:
        """Bring the call to this state, by the shortest way."""
        await self.until_said("how can i help")
        match state:
            case State.TALKING:
                return
            case State.OFFERED:
                await self.type(WANTS_BILLING)
                await self.until("transfer_offered")
            case State.RINGING:
                await self.type(WANTS_BILLING_NOW)
                await self.until("attempt_begun")
            case State.CONSULTING:
                await self.type(WANTS_BILLING_NOW)
                await self.until("target_answered")
            case State.MOVING:
                await self.type(WANTS_BILLING_NOW)
                await self.until("move_begun")
            case State.ENDED:
                await self.type(WANTS_BILLING_NOW)
                await self.until("transfer_ended", disposition="completed")
                await self.until_said("susan", speaker="agent_b")

    @asynccontextmanager
    async def returned(self, *, can_move: bool = True) -> AsyncIterator[None]:
        """The caller is there, or there again: the same identity on a new connection, one recording."""
        self.listen()
        async with Caller(url=self._site.access.url, token=self.token, can_move=can_move, clock=self.clock) as caller:
            self.caller = caller
            try:
                yield
            finally:
                self.listen()
                self.lanes += caller.downlink.lanes

    async def agents(self) -> set[str]:
        """Every Agent A in the room that the caller is in."""
        room = self.caller.room if self.caller else self.room
        return {who for who in await self._rooms.people(room) if who.startswith(AGENT_A_PREFIX)}

    def listen(self) -> None:
        """Take what the caller has heard so far."""
        while self.caller and not self.caller.utterances.empty():
            self.heard.append(self.caller.utterances.get_nowait())

    async def count_agents(self) -> None:
        """Look into the caller's room until cancelled: two Agent As at any time are one too many."""
        while True:
            with suppress(TargetUnavailableError):  # a server that is being restarted
                self.most_agents = max(self.most_agents, len(await self.agents()))
            await asyncio.sleep(SEEN_EACH_S)

    async def rooms(self) -> set[str]:
        """Every room of the call that its log knows."""
        opened = [one.payload for one in await self.events() if one.type == "consult_opened"]
        return {self.room, *(one[kind] for one in opened for kind in ("consult_room", "final_room"))}

    async def processes(self) -> set[str]:
        """Of its jobs, those that live."""
        pids = {one.payload["pid"] for one in await self.events() if one.type == "job_started"}
        return {f"process {pid}" for pid in pids if is_alive(pid)}

    async def _until_heard_since(self, after_s: float, by: str = "") -> None:
        async def is_heard() -> bool:
            self.listen()
            return any(one.start_s > after_s and one.identity.startswith(by) for one in self.heard)

        await _until(is_heard, WAIT_S, f"the caller did not hear {by or 'anybody'}")

    async def _completed(self) -> int:
        ended = [one.payload for one in await self.events() if one.type == "transfer_ended"]
        return sum(one["disposition"] == "completed" for one in ended)

    def _note_told(self, text: str) -> None:
        for kind in told_in(text):
            self._told.setdefault(kind, time.time())

    @property
    def _in_call(self) -> Caller:
        if self.caller is None:
            raise UnmetError("the caller is not in the call")
        return self.caller


async def _until(is_so: Callable[[], Awaitable[bool]], timeout_s: float, what: str) -> None:
    """Ask again and again, for nothing tells when; UnmetError with these words if it never is so."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not await is_so():
        if asyncio.get_running_loop().time() > deadline:
            raise UnmetError(what)
        await asyncio.sleep(POLL_S)
