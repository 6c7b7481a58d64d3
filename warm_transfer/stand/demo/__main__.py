"""The demo: one real call from start to end on this machine, shown live, judged, and then yours to call.

`python -m warm_transfer.stand.demo --once` exits with 0 if every fact held, 1 if one did not, 2 if it could
not start; its last line on stdout is one JSON object (see `_summary`). `run_folder.py` tells what it writes.
"""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.prompts import load_phrases
from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.caller.scenarios import Scenario, load_scenario
from warm_transfer.stand.caller.speech_process import SpeechProcess
from warm_transfer.stand.control_process import ControlProcess
from warm_transfer.stand.demo.demo_call import CallFailedError, DemoCall, Stand
from warm_transfer.stand.demo.evidence import Evidence, Recognise, recognise_words
from warm_transfer.stand.demo.live_view import make_view
from warm_transfer.stand.demo.playground import pressed_keys, show_invitation
from warm_transfer.stand.demo.run_folder import RUNS, RunFolder
from warm_transfer.stand.demo.timings import timings
from warm_transfer.stand.demo.verdict import Finding, Measures, judge, measure
from warm_transfer.stand.server import DEFAULT_PORT, LiveKitServer
from warm_transfer.stand.wire.process import WIRED, wire_process
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.errors import TargetUnavailableError, WarmTransferError
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

NOT_STARTED = 2
"""Exit code when the stand could not be started."""
_PIPE_WIDTH = 120  # rich takes 80 columns for a pipe, too narrow for the tables
_KEYS = "[b]t[/b] new token   [b]c[/b] scripted call again   [b]q[/b] quit"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    scenario: Annotated[str, typer.Option(help="The scripted call: billing, technical, person or none.")] = "billing",
    once: Annotated[bool, typer.Option("--once", help="End after the call; exit 0 if every fact held.")] = False,
    providers: Annotated[str, typer.Option(help="wire: the real plugins, over stand-ins for the providers.")] = "",
    port: Annotated[int, typer.Option(help="Of our own livekit-server; UDP takes the one two above.")] = DEFAULT_PORT,
    runs: Annotated[Path, typer.Option(help="Where run folders go.")] = RUNS,
) -> None:
    """Place one real call on this machine and show it live; then wait for yours."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    try:
        code = asyncio.run(
            _Demo(console, load_scenario(scenario), once=once, wired=providers == "wire", port=port, runs=runs).run()
        )
    except WarmTransferError as error:
        typer.echo(error.sentence, err=True)
        code = NOT_STARTED
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; everything that was started has ended.")
        code = 130 if once else 0
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A call and what was found."""

    findings: list[Finding]
    measures: Measures | None
    """None if the call could not even be placed."""
    evidence: Evidence | None
    run_dir: Path

    @property
    def is_ok(self) -> bool:
        """Whether every fact held."""
        return all(finding.holds for finding in self.findings)


class _Demo:
    def __init__(self, console: Console, scenario: Scenario, *, once: bool, wired: bool, port: int, runs: Path) -> None:
        self._console = console
        self._scenario = scenario
        self._once = once
        self._wired = wired
        self._port = port
        self._runs = runs

    async def run(self) -> int:
        """Start the stand, place the call, serve; the exit code."""
        # make and CI end us with SIGTERM: the same way out as Ctrl-C, so that nothing is left running.
        me = asyncio.current_task()
        if me is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
        async with AsyncExitStack() as stack:
            folder = RunFolder.create(self._scenario.name, self._runs)
            stand = await self._start(stack, folder.path)
            judged = await self._call(stand, folder, is_alone=stand.owns_server)
            if not self._once:
                await self._serve(stand)
        if self._once:
            print(json.dumps(_summary(judged)), flush=True)  # noqa: T201 - the result, for a program
            return 0 if judged.is_ok else 1
        return 0

    async def _start(self, stack: AsyncExitStack, logs: Path) -> Stand:
        settings = load_settings()
        own_key = (settings.livekit_api_key, settings.livekit_api_secret.get_secret_value())
        server = LiveKitServer(
            log_file=logs / "server.log",
            user_url=settings.livekit_url if "livekit_url" in settings.model_fields_set else None,
            port=self._port,
            keys=own_key,
        )
        with self._console.status("Starting livekit-server ..."):
            await stack.enter_async_context(server)
        self._console.print(f"livekit-server  {server.url}")
        environment = _worker_environment(settings, server.url)
        if self._wired:
            with self._console.status("Starting the stand-ins for the providers ..."):
                environment = WIRED | environment | await stack.enter_async_context(wire_process())
        worker = WorkerProcess(log_file=logs / "worker.log", environment=environment)
        speech = stack.enter_context(SpeechProcess())
        with self._console.status("Starting the worker and loading the models ..."):
            await asyncio.gather(stack.enter_async_context(worker), asyncio.to_thread(speech.load))
        settings = load_settings(environ=environment)
        control = ControlProcess(log_file=logs / "control.log", environment=environment)
        with self._console.status("Starting the control API ..."):
            await stack.enter_async_context(control)
        self._console.print(f"worker          pid {worker.pid}, as {settings.agent_name}", soft_wrap=True)
        for line in settings.describe()[1:]:
            self._console.print(Text(f"                {line}", style="dim"), soft_wrap=True)
        self._console.print(f"control API     {control.url}/docs", soft_wrap=True)
        return Stand(
            settings=settings,
            access=ServerAccess(
                url=settings.livekit_url,
                api_key=own_key[0],
                api_secret=own_key[1],
                rpc_timeout_s=settings.rpc_timeout_s,
            ),
            log=stack.enter_context(CallLog(settings.call_log_url)),
            speech=speech,
            owns_server=server.is_ours,
            pages=control.url,
        )

    async def _call(self, stand: Stand, folder: RunFolder, *, is_alone: bool) -> Judged:
        """Place one call and show what was found."""
        self._console.print(f"\n[b]Scripted call: {self._scenario.name}[/b]")
        with make_view(self._console) as view:
            try:
                call = DemoCall(stand, self._scenario, folder, view, is_alone=is_alone)
                evidence = await call.run()
            except (CallFailedError, TargetUnavailableError) as error:
                placed = Finding(claim="The call was placed", holds=False, measured=error.sentence)
                return self._show(Judged(findings=[placed], measures=None, evidence=None, run_dir=folder.path))
        with self._console.status("Listening to the recordings ..."):
            judged = await asyncio.to_thread(_judge, evidence, stand.speech.understand, call.faults, folder.path)
        folder.write_facts([asdict(finding) for finding in judged.findings], _summary(judged))
        return self._show(judged)

    def _show(self, judged: Judged) -> Judged:
        self._console.print(_facts_table(judged.findings))
        if judged.evidence and judged.measures:
            self._console.print(_timings_table(timings(judged.evidence, judged.measures)))
        self._console.print(f"Recordings and records: {judged.run_dir}", soft_wrap=True)
        return judged

    async def _serve(self, stand: Stand) -> None:
        """Go on until the person quits; keys do what `_KEYS` says."""
        async with pressed_keys() as keys:
            show_invitation(self._console, stand)
            while True:
                self._console.print(_KEYS)
                match await keys.get():
                    case "t":
                        show_invitation(self._console, stand)
                    case "c":
                        folder = RunFolder.create(self._scenario.name, self._runs)
                        await self._call(stand, folder, is_alone=False)  # a person may be calling, too
                    case "q":
                        return


def _worker_environment(settings: Settings, url: str) -> dict[str, str]:
    """Ours, with the server that was started; the demo's consult is spoken unless the user says otherwise."""
    environment = {**os.environ, "LIVEKIT_URL": url}
    if "consult_mode" not in settings.model_fields_set:
        environment["CONSULT_MODE"] = "spoken"
    return environment


def _judge(evidence: Evidence, understand: Recognise, faults: list[str], run_dir: Path) -> Judged:
    """Listen and compare; CPU-bound."""
    measures = measure(evidence)
    words = recognise_words(evidence, understand)
    findings = judge(evidence, words, measures, load_phrases())
    findings += [Finding(claim="The call went its way", holds=False, measured=fault) for fault in faults]
    return Judged(findings=findings, measures=measures, evidence=evidence, run_dir=run_dir)


def _summary(judged: Judged) -> dict[str, Any]:
    """The last line of stdout; every number is measured, null where the call could not be placed or moved."""
    measures, evidence = judged.measures, judged.evidence
    left = evidence.left_over if evidence else None
    return {
        "ok": judged.is_ok,
        "disposition": measures.disposition if measures else None,
        "move": measures.move if measures else None,
        "move_gap_ms": measures.move_gap_ms if measures else None,
        "hold_ms": measures.hold_ms if measures else None,
        "asked_again": evidence.asked_again if evidence else None,
        "consult_leak_ms": measures.consult_leak_ms if measures else None,
        "left_over": {
            "rooms": list(left.rooms) if left else [],
            "participants": list(left.participants) if left else [],
            "job_processes": list(left.job_processes) if left else [],
        },
        "run_dir": str(judged.run_dir.resolve()),
    }


def _facts_table(findings: list[Finding]) -> Table:
    table = Table(title="Facts, from the rooms and the recorded audio", title_justify="left")
    table.add_column("")
    table.add_column("Fact")
    table.add_column("Measured", overflow="fold")
    for finding in findings:
        mark = Text("held", style="green") if finding.holds else Text("FAILED", style="bold red")
        table.add_row(mark, finding.claim, Text(finding.measured))
    return table


def _timings_table(rows: list[tuple[str, int]]) -> Table:
    table = Table(title="Timings at the caller's ear", title_justify="left")
    table.add_column("From, to")
    table.add_column("ms", justify="right")
    for name, milliseconds in rows:
        table.add_row(name, str(milliseconds))
    return table


if __name__ == "__main__":
    app(prog_name="python -m warm_transfer.stand.demo")
