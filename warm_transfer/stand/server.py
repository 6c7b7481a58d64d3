"""A LiveKit server for the local stand: the user's own by LIVEKIT_URL, else one that we start on loopback."""

import argparse
import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from warm_transfer.settings import load_settings
from warm_transfer.stand.server_build import CACHE, ensure_server
from warm_transfer.transfer.errors import StartError, WarmTransferError

HOST = "127.0.0.1"
CONFIG = CACHE.parent / "livekit.yaml"
DEFAULT_PORT = 7880
UDP_OFFSET = 2  # LiveKit's own ports are 7880 and 7882; a server on another port keeps the distance

_START_TIMEOUT_S = 20.0  # it answers after 0.2 s; a cold disk and two busy cores take longer
_POLL_S = 0.02
_ANSWER_TIMEOUT_S = 5.0
_STOP_STEP_S = 1.0  # SIGTERM, then SIGTERM again (leaves though participants are in), then SIGKILL


class LiveKitServer:
    """A server that answers while the context is open; `url` says where.

    With `user_url` (LIVEKIT_URL, set by the user) nothing is started and that server only has to be there.
    Otherwise livekit-server runs with livekit.yaml on loopback: TCP `port` and UDP `port` + 2. Raises
    StartError when a port is taken, no server can be found or built, or it does not answer.
    """

    def __init__(
        self,
        *,
        log_file: Path,
        user_url: str | None = None,
        port: int = DEFAULT_PORT,
        keys: tuple[str, str] | None = None,
        cache: Path = CACHE,
        search_path: str | None = None,
        config: Path = CONFIG,
    ) -> None:
        """`keys`: API key and secret instead of livekit.yaml's; `search_path`: instead of the PATH."""
        self.url = user_url or f"ws://{HOST}:{port}"
        self.port = port
        self.udp_port = port + UDP_OFFSET
        self.log_file = log_file
        self.is_ours = user_url is None
        """Whether the server is started here, and ended."""
        self._keys = keys
        self._cache = cache
        self._search_path = search_path
        self._config = config
        self._server: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the server that we started, None if the user's own is used."""
        return self._server.pid if self._server else None

    async def __aenter__(self) -> Self:
        if not self.is_ours:
            await _check_reachable(self.url)
            return self
        binary = await asyncio.to_thread(ensure_server, self._cache, self._search_path)
        check_port_free(self.port, socket.SOCK_STREAM)
        check_port_free(self.udp_port, socket.SOCK_DGRAM)
        self._server = await self._start(binary)
        try:
            await self._wait_until_it_answers(self._server)
        except BaseException:
            await _stop(self._server)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            await _stop(self._server)

    async def restart(self) -> None:
        """Kill -9, then start again on the same port: whoever is connected has to find the way back.

        Raises:
            StartError: it does not answer again, or is the user's own.
        """
        if self._server is None:
            raise StartError("the server is not ours to restart")
        self._server.kill()
        await self._server.wait()
        self._server = await self._start(await asyncio.to_thread(ensure_server, self._cache, self._search_path))
        await self._wait_until_it_answers(self._server)

    async def _start(self, binary: Path) -> asyncio.subprocess.Process:
        flags = ["--config", str(self._config), "--port", str(self.port), "--udp-port", str(self.udp_port)]
        # Not our environment: livekit-server takes LIVEKIT_CONFIG, NODE_IP, UDP_PORT and more from it, before
        # the file. Keys go this way and not as a flag: any user of the machine can read the process list.
        environment = {"LIVEKIT_KEYS": f"{self._keys[0]}: {self._keys[1]}"} if self._keys else {}
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                str(binary),
                *flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                process_group=0,  # Ctrl-C reaches us first, so that calls end before their server does
            )

    async def _wait_until_it_answers(self, server: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await _answers(self.port):
                    if server.returncode is not None:
                        raise StartError(f"livekit-server ended at start {self._see_log()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise StartError(
                f"livekit-server did not answer within {_START_TIMEOUT_S:.0f} s {self._see_log()}"
            ) from error

    def _see_log(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return f"({lines[-1].strip() if lines else 'it said nothing'}): see {self.log_file}."


def check_port_free(port: int, kind: socket.SocketKind) -> None:
    """Raise StartError if another program holds the port on loopback."""
    name = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As livekit-server does: connections of a server that just ended may linger in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(
                f"{name} port {port} on {HOST}, which livekit-server needs, is taken: end the program that "
                f"holds it, or set LIVEKIT_URL to use a LiveKit server that runs already."
            ) from error


def free_port() -> int:
    """A TCP port that is free on loopback, as is the UDP port beside it; for servers of tests."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        with contextlib.suppress(StartError, OverflowError):
            check_port_free(port, socket.SOCK_STREAM)
            check_port_free(port + UDP_OFFSET, socket.SOCK_DGRAM)
            return port


async def _answers(port: int) -> bool:
    """Whether HTTP GET / is answered with 200."""
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False


async def _check_reachable(url: str) -> None:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            port = parts.port or (443 if parts.scheme in {"wss", "https"} else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except (OSError, ValueError, TimeoutError) as error:
        raise StartError(
            f"LIVEKIT_URL is {url} but nothing answers there: start that server, "
            f"or unset LIVEKIT_URL to use the local stand's own."
        ) from error


async def _stop(server: asyncio.subprocess.Process) -> None:
    """End the process by its pid, harder at each step."""
    for end in (server.terminate, server.terminate, server.kill):
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait(), _STOP_STEP_S)
            return
    await server.wait()


def main(arguments: list[str] | None = None) -> int:
    """`python -m warm_transfer.stand.server --ensure`: find or build the server, and say which it is."""
    parser = argparse.ArgumentParser(prog="python -m warm_transfer.stand.server")
    parser.add_argument("--ensure", action="store_true", required=True, help="find or build livekit-server")
    parser.parse_args(arguments)
    try:
        if "livekit_url" in load_settings().model_fields_set:
            sys.stdout.write("livekit-server: LIVEKIT_URL is set, none is built\n")
            return 0
        found = ensure_server()
    except WarmTransferError as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 1
    sys.stdout.write(f"livekit-server: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
