"""The demo as `make demo ONCE=1` runs it: one call, its JSON object and its run folder."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import STALL_MS
from warm_transfer.stand.caller.downlink import RATE_HZ, read_wav
from warm_transfer.stand.listening import utterances
from warm_transfer.stand.server import free_port
from warm_transfer.stand.worker_process import ROOT

DEADLINE_S = 300.0
FILES = {
    "timeline.json",
    "transcript.json",
    "briefing.json",
    "consult.json",
    "facts.json",
    "caller_heard.wav",
    "caller_said.wav",
    "consult.wav",
    "worker.log",
    "server.log",
    "control.log",
}


async def demo(tmp_path: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the demo with the local providers and settings of its own."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_PROVIDER", "_API_KEY", "_API_SECRET")) and name not in {"LIVEKIT_URL", "CONSULT_MODE"}
    }
    log = {"CALL_LOG_URL": f"sqlite:///{tmp_path}/calls.sqlite3", "UNWRITTEN_DIR": f"{tmp_path}/unwritten"}
    settings = {**log, **settings}
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "warm_transfer.stand.demo", "--runs", str(tmp_path / "runs"), *arguments),
        cwd=ROOT,
        env=inherited | settings,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            stdout, stderr = await started.communicate()
    except TimeoutError:
        started.terminate()
        await started.wait()
        raise
    return started.returncode or 0, stdout.decode(), stderr.decode()


async def test_billing_call_holds_its_facts(tmp_path: Path) -> None:
    code, stdout, stderr = await demo(tmp_path, "--once", "--scenario", "billing", "--port", str(free_port()))
    assert stderr == ""
    told = json.loads(stdout.splitlines()[-1])
    failed = [fact["claim"] for fact in read(Path(told["run_dir"]), "facts")["facts"] if not fact["holds"]]
    assert (told["ok"], code) == ((False, 1) if failed else (True, 0)), stdout
    assert told["move_gap_ms"] < STALL_MS, stdout
    assert [claim for claim in failed if not claim.startswith("No silence")] == [], stdout
    assert (told["disposition"], told["move"]) == ("completed", "client_move")
    assert (told["asked_again"], told["consult_leak_ms"]) == (0, 0)
    assert told["hold_ms"] > 0
    assert told["left_over"] == {"rooms": [], "participants": [], "job_processes": []}
    check_run_folder(Path(told["run_dir"]))


def check_run_folder(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == FILES
    facts = {fact["kind"]: fact["value"] for fact in read(folder, "briefing")["facts"]}
    assert facts["account_number"] == "902107"
    assert [room["kind"] for room in read(folder, "transcript")["rooms"]] == ["caller room", "final room"]
    assert read(folder, "consult")["mode"] == "spoken"
    places = [entry["at_ms"] for entry in read(folder, "timeline")]
    assert places == sorted(places)
    for name in ("caller_heard", "caller_said", "consult"):
        samples, rate_hz = read_wav(folder / f"{name}.wav")
        assert rate_hz == RATE_HZ
        assert utterances(samples, rate_hz)


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


async def test_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        code, stdout, stderr = await demo(tmp_path, "--once", "--port", port)
    assert code == 2
    assert f"TCP port {port}" in stderr
    assert len(stderr.splitlines()) == 1
    assert "Traceback" not in stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "named"),
    [
        (("--scenario", "nonsense"), {}, "SCENARIO=nonsense"),
        ((), {"STT_PROVIDER": "nonsense"}, "STT_PROVIDER"),
        ((), {"LIVEKIT_URL": "ws://127.0.0.1:1"}, "LIVEKIT_URL"),
    ],
)
async def test_wrong_setting_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], named: str
) -> None:
    code, _, stderr = await demo(tmp_path, "--once", *arguments, **settings)
    assert code == 2
    assert named in stderr
    assert len(stderr.splitlines()) == 1
