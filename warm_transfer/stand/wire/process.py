"""The stand-ins in a process of their own, so that their models do not hold up a caller's sound."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from warm_transfer.stand.worker_process import NICENESS, ROOT
from warm_transfer.transfer.errors import StartError

WIRED = {"LLM_PROVIDER": "groq,openai", "STT_PROVIDER": "deepgram", "TTS_PROVIDER": "openai"}
"""What a call over the stand-ins runs on, unless the user says otherwise: each protocol once."""
_START_S = 30.0
_STOP_S = 5.0


@asynccontextmanager
async def wire_process() -> AsyncIterator[dict[str, str]]:
    """Serve while the context is open; gives the settings that lead there. StartError if it does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "warm_transfer.stand.wire", cwd=ROOT, stdout=asyncio.subprocess.PIPE, process_group=0
    )
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)  # as the worker: real providers take no core of ours
    try:
        yield await _settings(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _settings(process: asyncio.subprocess.Process) -> dict[str, str]:
    try:
        if process.stdout is None:
            raise StartError("The stand-ins for the providers have no output.")
        line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        found: dict[str, str] = json.loads(line)
    except (TimeoutError, json.JSONDecodeError) as error:
        raise StartError("The stand-ins for the providers did not start.") from error
    return found
