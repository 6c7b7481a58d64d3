"""One real, spoken call that goes through the states; in each something is killed, at a random moment."""

import asyncio
import functools
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from random import Random

from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.conversation import Conversation, Spoken
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples, mix
from warm_transfer.stand.caller.scenarios import ScriptedCaller, load_scenario
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.demo.left_over import is_alive
from warm_transfer.stand.faults.call_state import is_armed, state_of
from warm_transfer.stand.faults.matrix import Cell, Kill
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.terms import State
from warm_transfer.transfer.wire import AgentAJob

CALL_TIMEOUT_S = 300.0
STATE_TIMEOUT_S = 90.0
STRANDED_S = 20.0
"""A caller who hears nothing for longer has been left alone."""
LEFT_S = 3.0
"""After the caller's client signals the end, rooms and jobs have this long to go."""
POLL_S = 0.02
SHORT_POLL_S = 0.005
STILL_HEARD_S = 0.4
"""What was sent before a death is heard this much later: the receiver's jitter buffer (measured 0.3 s)."""
LEAST_WORDS_S = 0.6
"""Of a voice: less is what was still on its way."""
UNHEARD_S = 1.5
"""A turn is over, recognized and in the log this long after its last word."""

_LASTS_S = {
    State.TALKING: 6.0,
    State.OFFERED: 5.0,
    State.RINGING: 0.2,
    State.CONSULTING: 8.0,
    State.MOVING: 0.02,
    State.ENDED: 6.0,
}
"""The moment is drawn from this; a state lasts at least about as long (measured on an idle machine).

A target that is armed answers within some milliseconds: for a death while ringing the caller thinks until it is not.
"""
_SHORT = {State.RINGING, State.MOVING}
"""Over in a tenth of a second."""
_LEFT_BY_CALLER = {State.OFFERED, State.ENDED}
"""The caller's next words end it: the caller thinks until the kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """One kill of a call."""

    cell: Cell
    at_s: float
    """Its place in the recordings."""
    asked_again: int
    """How often the caller had been asked for a known fact by then."""
    load: float
    """The machine's load average at that time: what else ran beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyCall:
    """What came of it."""

    kills: tuple[Killed, ...]
    spoken: tuple[Spoken, ...]
    heard: Samples
    said: Samples
    """By the caller; begins at the same instant as what was heard."""
    events: tuple[LoggedEvent, ...]
    is_done: bool
    """Whether the caller got through the script to the goodbye."""
    facts_lost: int
    left_over: tuple[str, ...]


async def place(site: FaultSite, speech: SpeechProcess, cells: Sequence[Cell], random: Random) -> FaultyCall:
    """Hold a call, kill what the cells say, in the order of the states, and go on to the goodbye.

    A cell whose state never comes, or is over before its moment, is not among the kills.
    """
    return await _Call(site, speech, cells, random).run()


class _Call:
    def __init__(self, site: FaultSite, speech: SpeechProcess, cells: Sequence[Cell], random: Random) -> None:
        self._site = site
        self._cells = cells
        self._random = random
        self._kills: list[Killed] = []
        self._may_speak = asyncio.Event()
        self._may_speak.set()
        self._has_voice = True
        self._mending: list[asyncio.Task[None]] = []
        self._call_id = secrets.token_hex(16)
        self._room = new_room_name("caller")
        identity = f"caller-{secrets.token_hex(4)}"
        scenario = load_scenario("patient")
        self._script = ScriptedCaller(scenario)
        self._job = AgentAJob(call_id=self._call_id, caller_identity=identity)
        can_move = cells[0].can_move
        token = caller_token(site.access, room=self._room, identity=identity, can_move=can_move)
        self._caller = Caller(url=site.access.url, token=token, can_move=can_move)
        self._conversation = Conversation(
            self._caller,
            self._script,
            speak=functools.partial(speech.speak, voice=scenario.voice),
            speech_rate_hz=SPEECH_RATE_HZ,
            understand=speech.understand,
            think=self._may_speak.wait,
        )

    async def rooms(self) -> set[str]:
        """Every room of the call so far."""
        opened = [one.payload for one in await self._events() if one.type == "consult_opened"]
        return {self._room, *(one[kind] for one in opened for kind in ("consult_room", "final_room"))}

    async def run(self) -> FaultyCall:
        async with Rooms(self._site.access) as rooms:
            before = await rooms.names()
            self._site.live_calls += 1
            try:
                await self._hold(rooms)
            finally:
                self._site.live_calls -= 1
            left_over = await self._left_over(rooms, before)
        return FaultyCall(
            kills=tuple(self._kills),
            spoken=tuple(self._conversation.transcript),
            heard=self._caller.downlink.mixed(),
            said=mix([self._caller.microphone.said]),
            events=tuple(await self._events()),
            is_done=self._script.is_done,
            facts_lost=self._script.asked_again,
            left_over=left_over,
        )

    async def _hold(self, rooms: Rooms) -> None:
        await rooms.create(self._room, empty_timeout_s=30)
        await rooms.dispatch(self._site.settings.agent_name, self._room, self._job.model_dump_json())
        async with self._caller:
            killing = asyncio.create_task(self._kill_all())
            try:
                with suppress(TimeoutError):
                    await self._conversation.run(CALL_TIMEOUT_S)
                await self._caller.hang_up()
            finally:
                killing.cancel()
                await asyncio.gather(killing, return_exceptions=True)
            if not killing.cancelled():
                killing.result()  # its error, if it had one

    async def _kill_all(self) -> None:
        try:
            for cell in self._cells:
                if await self._is_the_moment(cell):
                    await self._kill(cell)
            self._may_speak.set()
            await asyncio.gather(*self._mending)
        finally:
            self._may_speak.set()
            for mending in self._mending:
                mending.cancel()

    async def _is_the_moment(self, cell: Cell) -> bool:
        """Wait for the state and a moment in it; False if the call is past it, or does not come to it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STATE_TIMEOUT_S):
                while not _is_past(state := state_of(events := await self._events()), cell.state):
                    if self._is_ready and not _is_thinking(events, cell.state):
                        self._may_speak.set()
                    else:
                        self._may_speak.clear()
                    if self._is_ready and state is cell.state:
                        await asyncio.sleep(self._random.uniform(0, _LASTS_S[cell.state]))
                        return await self._state() is state
                    await asyncio.sleep(SHORT_POLL_S if cell.state in _SHORT else POLL_S)
        return False

    async def _kill(self, cell: Cell) -> None:
        pids = {one.payload["role"]: one.payload["pid"] for one in await self._events() if one.type == "job_started"}
        at_s = self._caller.clock.now_s()
        self._lose_words(at_s)
        asked_again = self._script.asked_again
        self._kills.append(Killed(cell=cell, at_s=at_s, asked_again=asked_again, load=os.getloadavg()[0]))
        await self._site.kill(cell.kill, pids["agent_b" if self._is_agent_bs(cell) else "agent_a"])
        self._has_voice = False
        self._mending.append(asyncio.create_task(self._mend()))

    async def _mend(self) -> None:
        """Once the caller has heard a voice, bring back what died, for the next one."""
        await self._until_voice()
        self._has_voice = True
        await self._site.mend()

    @property
    def _is_ready(self) -> bool:
        """Whether the caller has heard a voice since the last kill, and what dies next has a replacement."""
        return self._has_voice and (self._site.can_lose_worker or all(one.done() for one in self._mending))

    def _is_agent_bs(self, cell: Cell) -> bool:
        """Whether it is Agent B's job that dies, alone or with its worker; in the consult a worker of either."""
        if cell.kill is Kill.WORKER and cell.state in (State.CONSULTING, State.MOVING):
            return self._random.random() < 0.5
        return cell.kill is Kill.AGENT_B or cell.state is State.ENDED

    async def _until_voice(self) -> None:
        """Wait until the caller has heard somebody after the last kill, or has been left alone."""
        if not self._kills or self._kills[-1].cell.kill is Kill.WATCHER:
            return
        killed_at_s = self._kills[-1].at_s
        while self._caller.clock.now_s() < killed_at_s + STRANDED_S:
            ends = (one.at_s for one in self._caller.moments if one.name == "heard_end")
            if any(at_s > killed_at_s + STILL_HEARD_S + LEAST_WORDS_S for at_s in ends):
                return
            await asyncio.sleep(POLL_S)

    def _lose_words(self, at_s: float) -> None:
        """What the caller says at this moment, or just said, dies with who heard it."""
        said = [one for one in self._caller.moments if one.name == "said_start"]
        ends = [one.at_s for one in self._caller.moments if one.name == "said_end"]
        is_saying = len(ends) < len(said)
        if said and (is_saying or at_s - ends[-1] < UNHEARD_S):
            self._script.lose(said[-1].text)

    async def _state(self) -> State | None:
        return state_of(await self._events())

    async def _events(self) -> list[LoggedEvent]:
        return await asyncio.to_thread(self._site.log.events, self._call_id)

    async def _left_over(self, rooms: Rooms, before: set[str]) -> tuple[str, ...]:
        """What of the call is still there some seconds after its end; a worker's clean-up may take that long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEFT_S
        while True:
            pids = {one.payload["pid"] for one in await self._events() if one.type == "job_started"}
            processes = {f"process {pid}" for pid in pids if is_alive(pid)}
            names = await rooms.names() - before
            left = (names & await self.rooms() if self._site.live_calls else names) | processes
            if not left or loop.time() > deadline:
                return tuple(sorted(left))
            await asyncio.sleep(0.1)


def _is_thinking(events: Sequence[LoggedEvent], wanted: State) -> bool:
    """Whether the caller's next words would leave the state that is wanted, or pass it too fast to be struck."""
    state = state_of(events)
    if wanted is State.RINGING and state is State.OFFERED:
        return is_armed(events)
    return state is wanted and state in _LEFT_BY_CALLER


def _is_past(state: State | None, wanted: State) -> bool:
    order = list(State)
    return state is not None and order.index(state) > order.index(wanted)


def spoke_at_once(call: FaultyCall, from_s: float, until_s: float) -> float:
    """How long two agents spoke to the caller at the same time, at most, in this part of the call; in s."""
    agents = [one for one in call.spoken if one.speaker == "agent" and one.end_s > from_s and one.start_s < until_s]
    return max(
        (
            min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
            for one, other in combinations(agents, 2)
            if one.identity != other.identity
        ),
        default=0.0,
    )


def heard_after(call: FaultyCall, killed_at_s: float) -> list[tuple[float, Samples]]:
    """What agents said after the kill: the begin of each utterance and its sound, with a little around.

    Of an utterance that had begun before, what came after: two sentences in one breath are one utterance.
    """
    found = []
    for one in call.spoken:
        start_s = max(one.start_s, killed_at_s + STILL_HEARD_S)
        if one.speaker == "agent" and one.end_s > start_s:
            lead_s = 0.2 if start_s == one.start_s else 0.0
            begin, end = round((start_s - lead_s) * RATE_HZ), round((one.end_s + 0.2) * RATE_HZ)
            found.append((start_s, call.heard[max(begin, 0) : end]))
    return found
