"""The stand-ins as a process: prints one line of JSON, the settings that lead to them, and serves until SIGTERM."""

import asyncio
import contextlib
import json
import signal
import sys

from agents.providers import local_stt, local_tts
from warm_transfer.stand.wire.server import WireServer


async def _serve() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    local_stt.load()
    local_tts.load()
    async with WireServer() as server:
        sys.stdout.write(json.dumps(server.environment) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
