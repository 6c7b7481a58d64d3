"""One real, spoken call in which something is killed at a random moment of a state, or of several."""

import asyncio
import functools
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.conversation import Conversation, Spoken
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.scenarios import ScriptedCaller, load_scenario
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.demo.left_over import is_alive
from warm_transfer.stand.faults.matrix import Cell
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, caller_token, new_room_name
from warm_transfer.transfer.terms import State
from warm_transfer.transfer.wire import AgentAJob

CALL_TIMEOUT_S = 200.0
STATE_TIMEOUT_S = 90.0
LEFT_S = 3.0
"""After the caller's client signals the end, rooms and jobs have this long to go."""
POLL_S = 0.02
STILL_HEARD_S = 0.4
"""What was sent before a death is heard this much later: the receiver's jitter buffer (measured 0.3 s)."""
UNHEARD_S = 1.5
"""A turn is over, recognized and in the log this long after its last word."""

_BEGINS = {
    State.TALKING: "turn_spoken",
    State.OFFERED: "transfer_offered",
    State.RINGING: "attempt_begun",
    State.CONSULTING: "target_answered",
    State.MOVING: "move_begun",
    State.ENDED: "transfer_ended",
}
"""The event with which the call is in that state."""
_LASTS_S = {
    State.TALKING: 6.0,
    State.OFFERED: 5.0,
    State.RINGING: 0.3,
    State.CONSULTING: 8.0,
    State.MOVING: 0.15,
    State.ENDED: 6.0,
}
"""The moment is drawn from this; a state lasts at least about as long (measured on an idle machine)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyCall:
    """What came of it."""

    kills: tuple[tuple[Cell, float], ...]
    """What was killed, with its place in the recordings."""
    spoken: tuple[Spoken, ...]
    heard: Samples
    events: tuple[LoggedEvent, ...]
    is_done: bool
    """Whether the caller got through the script to the goodbye."""
    facts_lost: int
    left_over: tuple[str, ...]


class MissedStateError(Exception):
    """The call never came to the state."""


async def place(site: FaultSite, speech: SpeechProcess, cells: Sequence[Cell], random: Random) -> FaultyCall:
    """Hold a call, kill what the cells say, in the order of the states, and go on to the goodbye.

    Raises:
        MissedStateError: the call never came to a cell's state.
    """
    return await _Call(site, speech, cells, random).run()


class _Call:
    def __init__(self, site: FaultSite, speech: SpeechProcess, cells: Sequence[Cell], random: Random) -> None:
        self._site = site
        self._cells = cells
        self._random = random
        self._call_id = secrets.token_hex(16)
        self._room = new_room_name("caller")
        identity = f"caller-{secrets.token_hex(4)}"
        scenario = load_scenario("patient")
        self._script = ScriptedCaller(scenario)
        self._job = AgentAJob(call_id=self._call_id, caller_identity=identity)
        token = caller_token(site.access, room=self._room, identity=identity, can_move=True)
        self._caller = Caller(url=site.access.url, token=token)
        self._conversation = Conversation(
            self._caller,
            self._script,
            speak=functools.partial(speech.speak, voice=scenario.voice),
            speech_rate_hz=SPEECH_RATE_HZ,
            understand=speech.understand,
        )

    async def run(self) -> FaultyCall:
        async with Rooms(self._site.access) as rooms:
            before = await rooms.names()
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
                if killing.cancelled():
                    raise MissedStateError
                left_over = await self._left_over(rooms, before)
        return FaultyCall(
            kills=killing.result(),
            spoken=tuple(self._conversation.transcript),
            heard=self._caller.downlink.mixed(),
            events=tuple(await self._events()),
            is_done=self._script.is_done,
            facts_lost=self._script.asked_again,
            left_over=left_over,
        )

    async def _kill_all(self) -> tuple[tuple[Cell, float], ...]:
        kills = []
        for cell in self._cells:
            kills.append((cell, await self._kill(cell)))
            if len(self._cells) > 1:
                await self._site.mend()  # for the next one
        return tuple(kills)

    async def _kill(self, cell: Cell) -> float:
        """Wait for the state and its moment, kill; where that is in the recordings."""
        async with asyncio.timeout(STATE_TIMEOUT_S):
            while not _is_in_state(cell.state, await self._events()):  # noqa: ASYNC110 - other processes' file
                await asyncio.sleep(POLL_S)
        await asyncio.sleep(self._random.uniform(0, _LASTS_S[cell.state]))
        pids = {one.payload["role"]: one.payload["pid"] for one in await self._events() if one.type == "job_started"}
        at_s = self._caller.clock.now_s()
        self._lose_words(at_s)
        await self._site.kill(cell.kill, pids)
        return at_s

    def _lose_words(self, at_s: float) -> None:
        """What the caller says at this moment, or just said, dies with who heard it."""
        said = [one for one in self._caller.moments if one.name == "said_start"]
        ends = [one.at_s for one in self._caller.moments if one.name == "said_end"]
        is_saying = len(ends) < len(said)
        if said and (is_saying or at_s - ends[-1] < UNHEARD_S):
            self._script.lose(said[-1].text)

    async def _events(self) -> list[LoggedEvent]:
        return await asyncio.to_thread(self._site.log.events, self._call_id)

    async def _left_over(self, rooms: Rooms, before: set[str]) -> tuple[str, ...]:
        """What of the call is still there some seconds after its end; a worker's clean-up may take that long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEFT_S
        while True:
            pids = {one.payload["pid"] for one in await self._events() if one.type == "job_started"}
            processes = {f"process {pid}" for pid in pids if is_alive(pid)}
            left = (await rooms.names() - before) | processes
            if not left or loop.time() > deadline:
                return tuple(sorted(left))
            await asyncio.sleep(0.1)


def _is_in_state(state: State, events: Sequence[LoggedEvent]) -> bool:
    begins = [one for one in events if one.type == _BEGINS[state]]
    if state is State.TALKING:
        return any(one.payload["speaker"] == "caller" for one in begins)
    return bool(begins)


def heard_after(call: FaultyCall, killed_at_s: float) -> list[tuple[float, Samples]]:
    """Each utterance of an agent that began after the kill: its begin and its sound, with a little around."""
    found = []
    for one in call.spoken:
        if one.speaker == "agent" and one.start_s > killed_at_s + STILL_HEARD_S:
            begin, end = (round((at + around) * RATE_HZ) for at, around in ((one.start_s, -0.2), (one.end_s, 0.2)))
            found.append((one.start_s, call.heard[max(begin, 0) : end]))
    return found
