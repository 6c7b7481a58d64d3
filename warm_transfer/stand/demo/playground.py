"""A person's way into a call: URL and token for the LiveKit agents playground, and keys in the terminal."""

import asyncio
import contextlib
import secrets
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from livekit import api
from rich.console import Console
from rich.text import Text

from warm_transfer.stand.demo.demo_call import Stand
from warm_transfer.transfer.livekit_adapter.rooms import new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import CALLER_TOKEN_TTL, caller_token
from warm_transfer.transfer.wire import AgentAJob

PLAYGROUND = "https://agents-playground.livekit.io"
PAGES = {"Caller": "/", "Agent A": "/agent-a", "Agent B's desk": "/agent-b", "History": "/history"}


def playground_token(stand: Stand) -> str:
    """A token for a fresh, random room; whoever joins with it brings Agent A into that room."""
    identity = f"caller-{secrets.token_hex(4)}"
    job = AgentAJob(caller_identity=identity)
    dispatch = api.RoomAgentDispatch(agent_name=stand.settings.agent_name, metadata=job.model_dump_json())
    return caller_token(
        stand.access, room=new_room_name("caller"), identity=identity, can_move=False, dispatch=dispatch
    )


def show_invitation(console: Console, stand: Stand) -> None:
    """Print where and how to call; the token stands alone on a line that is never broken, to be copied."""
    minutes = CALLER_TOKEN_TTL.total_seconds() / 60
    console.print()
    console.print(Text("Call it yourself", style="bold"))
    for name, path in PAGES.items():
        console.print(Text(f"{name:<14} {stand.pages}{path}"), soft_wrap=True)
    console.print(Text(f"\nOr with the LiveKit playground: {PLAYGROUND}, Connect, Manual"))
    console.print(Text(f"URL    {stand.access.url}"))
    console.print(Text(f"Token  (for one call, within {minutes:.0f} minutes)"))
    console.print(Text(playground_token(stand)), soft_wrap=True)


@asynccontextmanager
async def pressed_keys() -> AsyncIterator[asyncio.Queue[str]]:
    """Keys as they are pressed, without Enter; none ever comes if stdin is no terminal."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    if not sys.stdin.isatty():
        yield keys
        return
    loop = asyncio.get_running_loop()
    with _unbuffered(sys.stdin.fileno()):
        loop.add_reader(sys.stdin.fileno(), lambda: keys.put_nowait(sys.stdin.read(1)))
        try:
            yield keys
        finally:
            loop.remove_reader(sys.stdin.fileno())


@contextlib.contextmanager
def _unbuffered(descriptor: int) -> Iterator[None]:
    """Give keys at once and unechoed; Ctrl-C stays a signal."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
