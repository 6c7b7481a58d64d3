"""The worker: registers with a LiveKit server and runs Agent A and Agent B. `python worker.py --help` tells how."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from livekit.agents import AgentServer, JobContext, JobProcess
from livekit.agents.cli import cli as livekit_cli
from livekit.agents.cli import proto

from agents.admission import Admission
from agents.attendant_job import AttendantJob
from agents.busy_job import BusyRoomJob
from agents.caller_room_job import CallerRoomJob
from agents.cpu_priority import idle_priority
from agents.final_room_job import FinalRoomJob
from agents.house import House, build_house
from agents.own_connection import dying_without_connection
from agents.prompts import check_prompts, load_phrases
from agents.providers.local_tts import LOCAL_VOICES
from agents.roster import check_roster, load_roster
from warm_transfer.calls.log import CallLog, LogUnavailableError
from warm_transfer.calls.replay import Replay
from warm_transfer.calls.spool import make_spool_folder
from warm_transfer.control.dead_jobs import dying_of_errors, dying_with_the_worker, on_dead_job
from warm_transfer.control.drain import EXIT_S, Drain, ignore_hand_over, told_to_hand_over
from warm_transfer.control.lifeline import Lifeline
from warm_transfer.control.recovery import LostJob, Recovery
from warm_transfer.control.unanswered import Unanswered
from warm_transfer.settings import Settings, load_settings
from warm_transfer.transfer.errors import SettingsError, WarmTransferError, WireError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess
from warm_transfer.transfer.wire import AgentAJob, AgentBJob, BusyJob, read_job_metadata

logger = logging.getLogger(__name__)

INITIALIZE_TIMEOUT_S = 60.0
"""Loading the local models takes 2 s on two idle cores and over 10 s, LiveKit's default, on two busy ones."""

PRELOADED = ["worker", "agents.shared_memory"]
"""Shared by all job processes: this module for what it imports (9 MB of each, measured), and what never changes."""

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
LogLevel = Annotated[str, typer.Option(help="trace, debug, info, warning, error or critical.")]


def prewarm(process: JobProcess) -> None:
    """Load words and models into a job process before it is given a call."""
    ignore_hand_over()
    with idle_priority():
        process.userdata["house"] = build_house(load_settings())


async def answer(ctx: JobContext) -> None:
    """Run one job in the role that its metadata names; the job ends with it."""
    house: House = ctx.proc.userdata["house"]
    try:
        job = read_job_metadata(ctx.job.metadata)
        with dying_with_the_worker(), dying_of_errors(ctx):
            if isinstance(job, BusyJob):
                await BusyRoomJob(ctx, job, house).run()
            else:
                await _be_agent(ctx, job, house)
    except WireError as error:
        logger.error("job refused", extra={"why": error.sentence})
    finally:
        ctx.shutdown("the job is done")


async def _be_agent(ctx: JobContext, job: AgentAJob | AgentBJob, house: House) -> None:
    """Run a job that has (part of) a call: it is watched, and can be told to hand its caller over."""
    identity = ctx.token_claims().identity
    lost = LostJob.of(job, job_id=ctx.job.id, identity=identity, room=ctx.job.room.name)
    with told_to_hand_over() as told:
        async with Lifeline(house.settings, lost):
            # An Agent B that is removed is shown out by an Agent A, and leaves by itself.
            with dying_without_connection(ctx.room, is_removal_a_loss=isinstance(job, AgentAJob)):
                match job:
                    case AgentAJob():
                        await CallerRoomJob(ctx, job, house, told).run()
                    case AgentBJob(desk_identity=str()):
                        await AttendantJob(ctx, job, house, told).run()
                    case AgentBJob():
                        await FinalRoomJob(ctx, job, house, told).run()


def build_server(settings: Settings, *, drains: bool = False) -> AgentServer:
    """The one AgentServer, named: an unnamed one would be dispatched into consult rooms too.

    `drains`: live calls outlive the first SIGTERM.
    """
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=settings.worker_port,
        num_idle_processes=settings.idle_processes,
        setup_fnc=prewarm,
        initialize_process_timeout=INITIALIZE_TIMEOUT_S,
        preload_modules=PRELOADED,
        drain_timeout=EXIT_S,
    )
    admission = Admission(
        server, settings.max_calls, arm_reserve=settings.arm_reserve, on_passed=_follow_passed(settings)
    )
    server.load_fnc = admission.load
    server.rtc_session(answer, agent_name=settings.agent_name, on_request=admission.admit)
    on_dead_job(server, lambda lost: _recover(settings, lost))
    _replay_while_it_runs(server, settings)
    if drains:
        server.on("worker_started", Drain(server, admission, timeout_s=settings.drain_timeout_s).await_signal)
    return server


async def _recover(settings: Settings, lost: LostJob) -> None:
    async with Rooms(ServerAccess.of(settings)) as rooms:
        with CallLog(settings.call_log_url) as log:
            await Recovery(settings, log=log, rooms=rooms, by=_who()).recover(lost)


def _follow_passed(settings: Settings) -> Callable[[str], None]:
    """What is done with the room of each call that this worker leaves to others."""
    following: dict[str, asyncio.Task[None]] = {}

    async def follow(room: str) -> None:
        try:
            async with Rooms(ServerAccess.of(settings)) as rooms:
                with CallLog(settings.call_log_url) as log:
                    await Unanswered(settings, log=log, rooms=rooms, by=_who()).follow(room)
        finally:
            del following[room]

    def begin(room: str) -> None:
        if room not in following:
            following[room] = asyncio.create_task(follow(room), name=f"follow {room}")

    return begin


def _who() -> str:
    """Who this worker is, unique among all that claim calls in the log."""
    return f"worker {socket.gethostname()} {os.getpid()}"


def _replay_while_it_runs(server: AgentServer, settings: Settings) -> None:
    """Let the main process write what dead jobs left, until LiveKit cancels every task at its exit."""
    replays: set[asyncio.Task[None]] = set()  # the event loop alone would not keep one alive

    async def replay() -> None:
        with CallLog(settings.call_log_url) as log:
            await Replay(settings.unwritten_dir, log).run()

    def begin() -> None:
        replays.add(asyncio.get_running_loop().create_task(replay(), name="replay of unwritten events"))

    server.on("worker_started", begin)


@app.command()
def dev(log_level: LogLevel = "debug") -> None:
    """Run for development: debug log, Ctrl-C ends at once."""
    _run(log_level, is_dev=True)


@app.command()
def start(log_level: LogLevel = "info") -> None:
    """Run for production: SIGTERM lets live calls end, or hands them over; a second one changes nothing."""
    _run(log_level, is_dev=False)


@app.command()
def console(
    text: Annotated[bool, typer.Option(help="Type instead of speaking.")] = False,
    log_level: LogLevel = "warning",
) -> None:
    """Talk with Agent A in this terminal, without a server; a transfer needs rooms, so it is told to be unavailable."""
    from livekit.agents.cli import _legacy

    server = build_server(_settings())
    mode: Literal["text", "audio"] = "text" if text else "audio"
    try:
        _legacy._run_console(
            server=server,
            input_device=None,
            output_device=None,
            mode=mode,
            record=False,
            log_level=log_level.upper(),
        )
    except OSError as error:  # sounddevice's, which LiveKit's console asks for in text mode, too
        typer.echo(f"The console can't be opened ({error}): install PortAudio (Debian: libportaudio2).", err=True)
        raise typer.Exit(code=2) from None


def _run(log_level: str, *, is_dev: bool) -> None:
    # livekit-agents 1.8.9 deprecates its own Python CLI; this is the function that its commands, old and new, call.
    settings = _settings()
    for line in settings.describe():
        typer.echo(line, err=True)
    arguments = proto.CliArgs(log_level=log_level.upper(), url=None, api_key=None, api_secret=None, dev=is_dev)
    livekit_cli._run_worker(server=build_server(settings, drains=not is_dev), args=arguments)


def _settings() -> Settings:
    try:
        settings = load_settings()
        # Job processes read these, too; a fault in them must show here and not in a call.
        roster = load_roster(settings.roster_file)
        for provider in settings.chain("tts"):
            check_roster(roster, tts_provider=provider, local_voices=LOCAL_VOICES)
        check_prompts()
        load_phrases()
        _check_log(settings.call_log_url)
        _check_spool(settings.unwritten_dir)
        _refuse_taken_port(settings.worker_port)
    except WarmTransferError as error:
        typer.echo(error.sentence, err=True)
        raise typer.Exit(code=2) from None
    return settings


def _check_log(url: str) -> None:
    """Refuse a file that can't be used; a database server may come back, and calls go on without it."""
    try:
        with CallLog(url) as log:
            log.call_ids(limit=1)
    except LogUnavailableError as error:
        if url.startswith("sqlite"):
            raise
        typer.echo(f"{error.sentence}; calls are taken without it", err=True)


def _check_spool(folder: Path) -> None:
    """Refuse a folder that could not keep a call's events."""
    try:
        make_spool_folder(folder)
    except OSError as error:
        raise SettingsError("UNWRITTEN_DIR can't be written: make it a folder of the worker's user") from error


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SettingsError(f"WORKER_PORT={port} is taken: choose another, or 0 for any free one") from error


if __name__ == "__main__":
    app()
