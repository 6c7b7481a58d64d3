"""What runs while the bench measures: a server of its own, our worker and a worker of bare agents."""

import asyncio
import contextlib
import os
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psutil

from agents.prompts import load_prompt
from agents.roster import load_roster
from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.bench.bare_job import BRIEFING, BareJob, FirstLine, Kind
from warm_transfer.stand.bench.marks import Mark, first_line_file, marks_file, read_marks
from warm_transfer.stand.server import CONFIG, LiveKitServer, free_port
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

OURS = ("-m", "warm_transfer.stand.bench.our_worker", "start")
BARE = ("-m", "warm_transfer.stand.bench.bare_worker")
Providers = Literal["instant", "real", "patient", "local"]

_LOOK_S = 0.25
_CALM_LOOKS = 2
_CALM_CORES = 0.15
"""Share of a core that both workers use when nothing happens."""
_CALL_CORES = 0.12
"""And that one call in which nobody speaks uses on top, at most."""
_CALM_TIMEOUT_S = 30.0


class BenchSite:
    """Up while the context is open; with one kind of providers."""

    def __init__(self, folder: Path, providers: Providers, *, config: Path = CONFIG) -> None:
        """`config`: of livekit-server."""
        self.folder = folder
        self.providers: Providers = providers
        self._server = LiveKitServer(log_file=folder / "server.log", port=free_port(), config=config)
        self._environment = self._own_settings()
        self.settings = load_settings(env_file="/dev/null", environ=self._plain(self._environment))
        self.access = ServerAccess.of(self.settings)
        self.log = CallLog(self.settings.call_log_url)
        self.rooms = Rooms(self.access)
        self.ours = WorkerProcess(log_file=folder / "ours.log", environment=self.environment, arguments=OURS)
        self.bare = WorkerProcess(log_file=folder / "bare.log", environment=self.environment, arguments=BARE)
        self._stack = AsyncExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """Of every process of the site."""
        return {**os.environ, **self._environment}

    @property
    def ports(self) -> tuple[int, int]:
        """Of the server: TCP and UDP."""
        return self._server.port, self._server.udp_port

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._server)
            opening.callback(self.log.close)
            await opening.enter_async_context(self.rooms)
            await opening.enter_async_context(self.ours)
            await opening.enter_async_context(self.bare)
            self._stack = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def calm(self, *, calls: int = 0) -> None:
        """Wait until the workers have made their next idle processes; `calls`: under way, in which nobody speaks.

        On a machine that is too busy for it, as long as that may take.
        """
        most = (_CALM_CORES + calls * _CALL_CORES) * _LOOK_S
        calm, before = 0, self._cpu_s()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CALM_TIMEOUT_S):
                while calm < _CALM_LOOKS:
                    await asyncio.sleep(_LOOK_S)
                    now = self._cpu_s()
                    calm = calm + 1 if now - before < most else 0
                    before = now

    def begin_with(self, first_line: FirstLine) -> None:
        """How our Agent B makes its first line from now on."""
        first_line_file(self.settings.unwritten_dir).write_text(first_line, encoding="utf-8")

    def bare_job(self, kind: Kind, caller_identity: str, first_line: FirstLine) -> BareJob:
        """A job for the bare worker."""
        roster = load_roster(self.settings.roster_file)
        specialist = roster.get("billing")
        if specialist is None:
            raise LookupError("no billing on the roster")
        return BareJob(
            kind=kind,
            first_line=first_line,
            providers=self.providers,
            caller_identity=caller_identity,
            instructions_a=load_prompt("agent_a", roster=roster.as_text()),
            instructions_b=load_prompt(
                "agent_b",
                name=specialist.name,
                title=specialist.title,
                specialist=load_prompt(specialist.prompt),
                colleagues=roster.without(specialist.id).as_text() or "Nobody.",
                briefing=BRIEFING,
            ),
        )

    def marks(self, since_s: float) -> list[Mark]:
        """What the models noted since then."""
        return read_marks(marks_file(self.settings.unwritten_dir), since_s=since_s)

    def _cpu_s(self) -> float:
        """Processor time that both workers have used, with what they started."""
        return sum(tree_cpu_s(worker) for worker in (self.ours, self.bare))

    def _own_settings(self) -> dict[str, str]:
        fields = Settings.model_fields
        llm = "marked" if self.providers == "local" else self.providers
        return {
            "LIVEKIT_URL": self._server.url,
            "LIVEKIT_API_KEY": fields["livekit_api_key"].default,
            "LIVEKIT_API_SECRET": fields["livekit_api_secret"].default.get_secret_value(),
            "AGENT_NAME": f"bench-{self.providers}",
            "CALL_LOG_URL": f"sqlite:///{self.folder}/calls.sqlite3",
            "UNWRITTEN_DIR": str(self.folder / "unwritten"),
            "LLM_PROVIDER": llm,
            "STT_PROVIDER": self.providers,
            "TTS_PROVIDER": self.providers,
            "MAX_CALLS": "100",
            "FIRST_TOKEN_S": "10" if self.providers == "patient" else "3",
        }

    @staticmethod
    def _plain(environment: dict[str, str]) -> dict[str, str]:
        """Without the providers, which this process needs not know."""
        return {name: value for name, value in environment.items() if not name.endswith("_PROVIDER")}


def tree_cpu_s(worker: WorkerProcess) -> float:
    """Processor time of the processes of a worker that live now."""
    total = 0.0
    for process in tree(worker):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def tree(worker: WorkerProcess) -> list[psutil.Process]:
    """The worker's main process and all below it; none before it was started."""
    if worker.pid is None:
        return []
    try:
        return [psutil.Process(worker.pid), *worker.descendants()]
    except psutil.NoSuchProcess:
        return []
