"""A longer way to livekit-server, in user space: every byte of one client takes so long in each direction.

No root and no kernel support is needed (a container's kernel often has no netem). TCP carries the signalling; in what
the server says there the port of its one UDP socket is replaced by ours, which has as many digits, so that the client
sends its media to us as well. The server has to be ICE-lite: else it would look for the client by itself, and find the
short way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from warm_transfer.stand.server import CONFIG, HOST, free_port

_CHUNK = 1 << 16
_COMPRESSED = b"Sec-WebSocket-Extensions"
_PLAIN = b"X-No-WebSocket-Extension"
"""As long: without the header nothing is compressed, and a port can be found."""
UDP_OFFSET = 2

Change = Callable[[bytes], bytes]


def lite_config(folder: Path) -> Path:
    """livekit.yaml, for a server that never looks for a client by itself."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["rtc"]["use_ice_lite"] = True
    file = folder / "livekit_lite.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


@dataclass(slots=True, kw_only=True)
class Way:
    """A way to the server."""

    url: str
    is_long: bool
    media: int = 0
    """Datagrams that went this way so far; of a short way nobody counts them."""


@asynccontextmanager
async def relay(ports: tuple[int, int], one_way_s: float) -> AsyncIterator[Way]:
    """The long way to the server; `ports`: its TCP and UDP port, of five digits as every free one."""
    tcp, udp = ports
    own_tcp = _port_as_long_as(udp)
    own_udp = own_tcp + UDP_OFFSET
    way = Way(url=f"ws://{HOST}:{own_tcp}", is_long=True)
    loop = asyncio.get_running_loop()
    media, front = await loop.create_datagram_endpoint(
        lambda: _Front((HOST, udp), one_way_s, way), local_addr=(HOST, own_udp)
    )
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        running.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # by us, who end it; asyncio would log it as an error
                await _signalling(reader, writer, tcp, _rewriting(udp, own_udp), one_way_s)
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, HOST, own_tcp)
    try:
        yield way
    finally:
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        front.close()
        media.close()


def _port_as_long_as(port: int) -> int:
    while True:
        if len(str((found := free_port()) + UDP_OFFSET)) == len(str(port)):
            return found


def _rewriting(udp: int, own_udp: int) -> Change:
    """Puts our UDP port in the place of the server's."""
    theirs, ours = f" {HOST} {udp} typ".encode(), f" {HOST} {own_udp} typ".encode()
    return lambda said: said.replace(theirs, ours)


async def _signalling(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, rewrite: Change, one_way_s: float
) -> None:
    up_reader, up_writer = await asyncio.open_connection(HOST, port)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_late(reader, up_writer, one_way_s, lambda said: said.replace(_COMPRESSED, _PLAIN)))
            tasks.create_task(_late(up_reader, writer, one_way_s, rewrite))
    except* OSError:
        pass  # one side is gone; so is the other now
    finally:
        for end in (writer, up_writer):
            end.close()


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, one_way_s: float, change: Change) -> None:
    """Hand on what comes, each piece so much later, in order."""
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            at_s, said = await due.get()
            await asyncio.sleep(max(at_s - loop.time(), 0))
            if not said:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(said)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while said := await reader.read(_CHUNK):
            due.put_nowait((loop.time() + one_way_s, change(said)))
        due.put_nowait((loop.time() + one_way_s, b""))
        await sending
    finally:
        sending.cancel()


class _Front(asyncio.DatagramProtocol):
    """Our socket for media: each client address gets a socket of its own towards the server."""

    def __init__(self, server: tuple[str, int], one_way_s: float, way: Way) -> None:
        self._server = server
        self._way = way
        self._one_way_s = one_way_s
        self._backs: dict[tuple[str, int], _Back] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr not in self._backs:
            back = _Back(lambda said: self._later(self._transport, said, addr))
            self._backs[addr] = back
            back.opening = asyncio.create_task(self._open(back))
        back = self._backs[addr]
        self._way.media += 1
        asyncio.get_running_loop().call_later(self._one_way_s, back.send, data)

    def close(self) -> None:
        """Close every socket towards the server."""
        for back in self._backs.values():
            back.close()

    async def _open(self, back: "_Back") -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: back, remote_addr=self._server)

    def _later(self, transport: asyncio.DatagramTransport, said: bytes, to: tuple[str, int]) -> None:
        def send() -> None:
            if not transport.is_closing():
                transport.sendto(said, to)

        asyncio.get_running_loop().call_later(self._one_way_s, send)


class _Back(asyncio.DatagramProtocol):
    """The server's view of one client."""

    opening: "asyncio.Task[None] | None" = None

    def __init__(self, on_answer: Callable[[bytes], None]) -> None:
        self._on_answer = on_answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_answer(data)

    def error_received(self, exc: Exception) -> None:
        """The server is gone: nobody to tell."""

    def send(self, said: bytes) -> None:
        """To the server; lost before the socket is open, as any datagram may be."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(said)

    def close(self) -> None:
        """No more."""
        if self.opening is not None:
            self.opening.cancel()
        if self._transport is not None:
            self._transport.close()
