"""Everything that a page needs, on loopback: livekit-server, worker, control API, with one call log."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings
from warm_transfer.stand.control_process import ControlProcess
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.stand.worker_process import WorkerProcess


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
            "PORT": str(free_port()),
            **settings,
        }
        log = stack.enter_context(CallLog(log_url))
        await stack.enter_async_context(WorkerProcess(log_file=folder / "worker.log", environment=environment))
        control = ControlProcess(log_file=folder / "control.log", environment=environment)
        await stack.enter_async_context(control)
        yield WebSite(url=control.url, livekit_url=server.url, log=log)
