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

from warm_transfer.calls.log import CallLog
from warm_transfer.stand.caller.downlink import mix, write_wav
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.faults.evidence import Fault, Strike, UnmetError
from warm_transfer.stand.faults.site import FaultSite
from warm_transfer.stand.faults.typed_call import POLL_S, TypedCall
from warm_transfer.stand.faults.watcher_process import WatcherProcess
from warm_transfer.stand.server import free_port
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import AgentAJob

FAULTY_WORKER = ("-m", "warm_transfer.stand.faults.faulty_worker", "start")
VOICE = "caller"
CREW_START_S = 150.0
"""Beside three calls on two busy cores; 8 s alone."""
LEFT_S = 3.0
"""After the caller's client signals the end, rooms and jobs have this long to go."""


Play = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """A worker of its own for some scenes."""

    agent_name: str
    worker: WorkerProcess
    fault_file: Path
    log: CallLog
    """Where its calls are: the site's, or its own."""
    log_file: Path

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

    async def crew(self, name: str, *, has_own_log: bool = False, **settings: str) -> Crew:
        """A worker with these settings (environment names), whose models fail on demand; one per name.

        With a log of its own, and a watcher for it, it may lose it without harm to other calls.
        """
        async with self._starting:
            if name not in self._crews or not self._crews[name].worker.is_running:
                self._crews[name] = await self._start(name, settings, has_own_log)
        return self._crews[name]

    def agent_name(self, name: str) -> str:
        """Under which a crew of that name takes calls, there or not."""
        return f"{self.site.settings.agent_name}-{name}"

    async def watcher(self, name: str, **settings: str) -> str:
        """Start one for the calls of a crew that may not be there yet; gives its address."""
        watcher = WatcherProcess(
            port=free_port(),
            log_file=self._folder / f"watcher_{name}.log",
            environment=self.site.environment(**{"AGENT_NAME": self.agent_name(name), **settings}),
        )
        self._stack.push_async_callback(watcher.stop)
        await watcher.start()
        return watcher.address

    async def _start(self, name: str, settings: Mapping[str, str], has_own_log: bool) -> Crew:
        folder = self._folder / name
        agent_name = settings.get("AGENT_NAME", self.agent_name(name))
        own = {"AGENT_NAME": agent_name, "UNWRITTEN_DIR": str(folder / "unwritten")}
        log, log_file = self.site.log, self.site.log_file
        if has_own_log:
            log_file = folder / "log" / log_file.name
            own["CALL_LOG_URL"] = f"sqlite:///{log_file}"
            log = self._stack.enter_context(CallLog(own["CALL_LOG_URL"]))
            own["WATCHERS"] = await self.watcher(name, **own)
        worker = WorkerProcess(
            log_file=folder / "worker.log",
            environment=self.site.environment(**(own | dict(settings))),
            arguments=FAULTY_WORKER,
            start_timeout_s=CREW_START_S,
        )
        fault_file = folder / "fault"
        folder.mkdir(parents=True, exist_ok=True)
        fault_file.write_text("")
        await self._stack.enter_async_context(worker)
        return Crew(agent_name=agent_name, worker=worker, fault_file=fault_file, log=log, log_file=log_file)

    @asynccontextmanager
    async def call(
        self,
        crew: Crew | None = None,
        *,
        agent_name: str | None = None,
        is_playground: bool = False,
        has_caller: bool = True,
    ) -> AsyncIterator[TypedCall]:
        """Place one call; at its end the caller hangs up, and what is left is counted for its last strike.

        `agent_name`: of a crew that is not there. `is_playground`: the token brings the agent, and its client can't
        move. Without a caller one comes later.
        """
        before = await self._rooms.names()
        name = agent_name or (crew.agent_name if crew else self.site.settings.agent_name)
        call = await self._place(name, crew.log if crew else self.site.log, is_playground=is_playground)
        self.site.live_calls += 1
        counting = asyncio.create_task(call.count_agents())
        try:
            async with call.returned(can_move=not is_playground) if has_caller else nullcontext():
                try:
                    yield call
                except UnmetError as error:
                    if not call.strikes:
                        raise
                    call.fail(str(error))
                if call.caller is not None:
                    await call.hang_up()
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            await self._conclude(call, before)

    async def _place(self, agent_name: str, log: CallLog, *, is_playground: bool) -> TypedCall:
        room, identity = new_room_name("caller"), f"caller-{secrets.token_hex(4)}"
        call = TypedCall(site=self.site, rooms=self._rooms, room=room, log=log)
        dispatch = api.RoomAgentDispatch(agent_name=agent_name) if is_playground else None
        call.token = caller_token(
            self.site.access, room=room, identity=identity, can_move=not is_playground, dispatch=dispatch
        )
        if is_playground:
            call.call_id = None
        else:
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
        self.site.live_calls -= 1
        left_over = await self._left_over(call, before)
        self._calls += 1
        await asyncio.to_thread(write_wav, self._folder / f"scene_{self._calls}.wav", mix(call.lanes))
        if call.most_agents > call.agents_allowed:
            call.fail(f"{call.most_agents} Agent As at once")
        events = await call.events()
        call.count_lost_facts(events)
        turns = [event.payload for event in events if event.type == "turn_spoken"]
        for strike in call.strikes:
            strike.heard = tuple(call.heard)
            strike.said = tuple(turn["text"] for turn in turns if turn["speaker"] != "caller")
        if call.strikes:
            call.strikes[-1].left_over = left_over
        self._strikes += call.strikes

    async def _left_over(self, call: TypedCall, before: set[str]) -> tuple[str, ...]:
        """What is still there some seconds after the call's end.

        While others go on, whose logs may be away, a room that this call's log does not know may be theirs; what is
        nobody's is found at the end of the run.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEFT_S
        while True:
            rooms = await self._rooms.names() - before
            left = (rooms & await call.rooms() if self.site.live_calls else rooms) | await call.processes()
            if not left or loop.time() > deadline:
                return tuple(sorted(left))
            await asyncio.sleep(POLL_S)
