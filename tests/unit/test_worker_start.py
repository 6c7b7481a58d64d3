"""Bad settings stop the worker at start with one sentence and no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "worker.py", "start"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"LLM_PROVIDER": "gpt"}, "LLM_PROVIDER"),
        ({"LLM_PROVIDER": "groq"}, "GROQ_API_KEY"),
        ({"LIVEKIT_URL": "localhost"}, "LIVEKIT_URL"),
        ({"ROSTER_FILE": "/nowhere.toml"}, "/nowhere.toml"),
        ({"CALL_LOG_URL": "sqlite:////dev/null/calls.sqlite3"}, "CALL_LOG_URL"),
        ({"UNWRITTEN_DIR": "/dev/null/unwritten"}, "UNWRITTEN_DIR"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_setting_stops_the_worker_with_one_sentence(settings: dict[str, str], named: str) -> None:
    done = start(**settings)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_taken_health_port_stops_the_worker_with_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = start(WORKER_PORT=str(other.getsockname()[1]))
    assert done.returncode == 2
    assert "WORKER_PORT" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
