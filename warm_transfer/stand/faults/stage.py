"""Where faults other than kills are played: typed calls on the site, and workers whose models fail on demand."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from livekit import api

from warm_transfer.stand.caller.downlink import mix, write_wav
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.faults.evidence import Fault, Strike, UnmetError
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.stand.faults.typed_call import POLL_S, TypedCall
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, caller_token, new_room_name
from warm_transfer.transfer.wire import AgentAJob

FAULTY_WORKER = ("-m", "warm_transfer.stand.faults.faulty_worker", "start")
VOICE = "caller"
LEFT_S = 3.0
"""After the caller's client signals the end, rooms and jobs have this long to go."""


Play = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """A worker of its own for some scenes."""

    agent_name: str
    worker: WorkerProcess
    fault_file: Path

    @property
    def pid(self) -> int:
        """Of the worker's main process."""
        if self.worker.pid is None:
            raise UnmetError("the worker was not started")
        return self.worker.pid

    def break_models(self, fault: str) -> None:
        """From now on the models of every job of this worker fail in this way; "" mends them."""
        self.fault_file.write_text(fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One call, or a few, in which some faults strike."""

    faults: tuple[Fault, ...]
    """All that strike in it: one that did not counts as failed."""
    play: Play
    is_alone: bool = True
    """Whether no other scene may be played beside it: it breaks what all share, or a promised time is judged."""


class Stage:
    """Plays scenes on a site while the context is open; crews that a scene asks for stay for the next ones."""

    def __init__(self, site: FaultSite, speech: SpeechProcess, folder: Path) -> None:
        self.site = site
        self._strikes: list[Strike] = []
        self._speech = speech
        self._folder = folder
        self._crews: dict[str, Crew] = {}
        self._starting = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._calls = 0
        self._live: list[TypedCall] = []

    async def __aenter__(self) -> Self:
        self._rooms = await self._stack.enter_async_context(Rooms(self.site.access))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def play(self, scene: Scene) -> list[Strike]:
        """Every strike of the scene, with what the caller heard."""
        await scene.play(self)
        strikes = [strike for strike in self._strikes if strike.fault in scene.faults]
        self._strikes = [strike for strike in self._strikes if strike not in strikes]
        return strikes

    async def crew(self, name: str, **settings: str) -> Crew:
        """A worker with these settings (environment names), whose models fail on demand; one per name."""
        async with self._starting:
            if name not in self._crews or not self._crews[name].worker.is_running:
                self._crews[name] = await self._start(name, settings)
        return self._crews[name]

    async def _start(self, name: str, settings: Mapping[str, str]) -> Crew:
        folder = self._folder / name
        agent_name = settings.get("AGENT_NAME", f"{self.site.settings.agent_name}-{name}")
        own = {"AGENT_NAME": agent_name, "UNWRITTEN_DIR": str(folder / "unwritten")}
        worker = WorkerProcess(
            log_file=folder / "worker.log",
            environment=self.site.environment(**(own | dict(settings))),
            arguments=FAULTY_WORKER,
        )
        fault_file = folder / "fault"
        folder.mkdir(parents=True, exist_ok=True)
        fault_file.write_text("")
        await self._stack.enter_async_context(worker)
        return Crew(agent_name=agent_name, worker=worker, fault_file=fault_file)

    @asynccontextmanager
    async def call(
        self, agent_name: str | None = None, *, is_playground: bool = False, has_caller: bool = True
    ) -> AsyncIterator[TypedCall]:
        """Place one call; at its end the caller hangs up, and what is left is counted for its last strike.

        `is_playground`: the token brings the agent, and its client can't move. Without a caller one comes later.
        """
        before = await self._rooms.names()
        call = await self._place(agent_name or self.site.settings.agent_name, is_playground=is_playground)
        self._live.append(call)
        counting = asyncio.create_task(call.count_agents())
        try:
            async with call.returned(can_move=not is_playground) if has_caller else nullcontext():
                yield call
                await call.hang_up()
        except UnmetError as error:
            call.fail(str(error))
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            await self._conclude(call, before)

    async def _place(self, agent_name: str, *, is_playground: bool) -> TypedCall:
        room, identity = new_room_name("caller"), f"caller-{secrets.token_hex(4)}"
        call = TypedCall(site=self.site, rooms=self._rooms, room=room)
        dispatch = api.RoomAgentDispatch(agent_name=agent_name) if is_playground else None
        call.token = caller_token(
            self.site.access, room=room, identity=identity, can_move=not is_playground, dispatch=dispatch
        )
        if not is_playground:
            job = AgentAJob(call_id=call.call_id, caller_identity=identity)
            await self._rooms.create(room, empty_timeout_s=30)
            await self._rooms.dispatch(agent_name, room, job.model_dump_json())
        return call

    async def say(self, call: TypedCall, text: str) -> None:
        """Let the caller speak."""
        samples = await asyncio.to_thread(self._speech.speak, text, VOICE)
        await call.say(text, samples, SPEECH_RATE_HZ)

    async def _conclude(self, call: TypedCall, before: set[str]) -> None:
        """Give every strike of the call what the caller heard."""
        self._live.remove(call)
        left_over = await self._left_over(call, before)
        self._calls += 1
        await asyncio.to_thread(write_wav, self._folder / f"scene_{self._calls}.wav", mix(call.lanes))
        if call.most_agents > call.agents_allowed:
            call.fail(f"{call.most_agents} Agent As at once")
        turns = [event.payload for event in await call.events() if event.type == "turn_spoken"]
        for strike in call.strikes:
            strike.heard = tuple(call.heard)
            strike.said = tuple(turn["text"] for turn in turns if turn["speaker"] != "caller")
        if call.strikes:
            call.strikes[-1].left_over = left_over
        self._strikes += call.strikes

    async def _left_over(self, call: TypedCall, before: set[str]) -> tuple[str, ...]:
        """What is still there some seconds after the call's end, and is not another call's of now."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEFT_S
        while True:
            others = {room for other in self._live for room in await other.rooms()}
            left = (await self._rooms.names() - before - others) | await call.processes()
            if not left or loop.time() > deadline:
                return tuple(sorted(left))
            await asyncio.sleep(POLL_S)
