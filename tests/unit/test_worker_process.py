import os
import sys
from pathlib import Path

import psutil
import pytest

from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.errors import StartError

REGISTERS = "print('INFO registered worker', flush=True); import signal; signal.pause()"
LEAVES_A_CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']); "
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def worker(folder: Path, script: str, start_timeout_s: float = 20.0) -> WorkerProcess:
    return WorkerProcess(
        log_file=folder / "logs" / "worker.log",
        arguments=("-c", script),
        environment={"PATH": os.defpath},
        start_timeout_s=start_timeout_s,
        stop_timeout_s=0.5,
    )


async def test_worker_runs_while_the_context_is_open_and_leaves_nothing(tmp_path: Path) -> None:
    async with worker(tmp_path, REGISTERS) as running:
        assert running.pid is not None
        assert psutil.pid_exists(running.pid)
    assert not psutil.pid_exists(running.pid)
    assert running.left_over == ()
    assert "registered worker" in running.log_file.read_text()


async def test_child_that_outlives_the_worker_is_reported_and_killed(tmp_path: Path) -> None:
    async with worker(tmp_path, LEAVES_A_CHILD + REGISTERS) as running:
        (child,) = running.descendants()
    assert running.left_over == (child.pid,)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_worker_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    async with worker(tmp_path, IGNORES_SIGTERM + REGISTERS) as running:
        pass
    assert running.pid is not None
    assert not psutil.pid_exists(running.pid)


async def test_worker_that_ends_at_start_is_reported_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^The worker ended at start \(GROQ_API_KEY is missing\): see "):
        await worker(tmp_path, "import sys; sys.exit('GROQ_API_KEY is missing')").__aenter__()


async def test_worker_that_never_registers_is_stopped(tmp_path: Path) -> None:
    silent = worker(tmp_path, "import signal; signal.pause()", start_timeout_s=0.5)
    with pytest.raises(StartError, match="did not register"):
        await silent.__aenter__()
    assert silent.pid is not None
    assert not psutil.pid_exists(silent.pid)


def test_worker_is_run_by_this_interpreter_on_worker_py() -> None:
    assert WorkerProcess(log_file=Path("x"))._arguments == ("worker.py", "start")
    assert sys.executable
