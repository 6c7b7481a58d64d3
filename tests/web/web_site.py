"""Everything that a page needs, on loopback: livekit-server, worker, control API, with one call log."""

import asyncio
import os
import secrets
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.stand.worker_process import ROOT, WorkerProcess

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSite:
    """Where the pages are, and what is remembered of their calls."""

    url: str
    livekit_url: str
    log: CallLog


@asynccontextmanager
async def web_site(folder: Path, **settings: str) -> AsyncIterator[WebSite]:
    """The whole stand with these settings (environment names), its logs in the folder."""
    fields = Settings.model_fields
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(LiveKitServer(log_file=folder / "livekit.log", port=free_port()))
        port = free_port()
        log_url = f"sqlite:///{folder}/calls.sqlite3"
        environment = {
            **os.environ,
            "LIVEKIT_URL": server.url,
            "LIVEKIT_API_KEY": str(fields["livekit_api_key"].default),
            "LIVEKIT_API_SECRET": fields["livekit_api_secret"].default.get_secret_value(),
            "AGENT_NAME": f"web-{secrets.token_hex(4)}",
            "CALL_LOG_URL": log_url,
            "UNWRITTEN_DIR": str(folder / "unwritten"),
            "LLM_PROVIDER": "local",
            "STT_PROVIDER": "local",
            "TTS_PROVIDER": "local",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            **settings,
        }
        log = stack.enter_context(CallLog(log_url))
        await stack.enter_async_context(WorkerProcess(log_file=folder / "worker.log", environment=environment))
        url = f"http://127.0.0.1:{port}"
        await stack.enter_async_context(_control(url, environment, folder / "control.log"))
        yield WebSite(url=url, livekit_url=server.url, log=log)


@asynccontextmanager
async def _control(url: str, environment: dict[str, str], log_file: Path) -> AsyncIterator[None]:
    with log_file.open("wb") as output:
        control = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "warm_transfer.control", cwd=ROOT, env=environment, stdout=output, stderr=output
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while not await asyncio.to_thread(_answers, url):
                    if control.returncode is not None:
                        raise RuntimeError(f"the control API ended at start: see {log_file}")
                    await asyncio.sleep(0.1)
            yield
        finally:
            if control.returncode is None:
                control.terminate()
            await asyncio.wait_for(control.wait(), _STOP_TIMEOUT_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
