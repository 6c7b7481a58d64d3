"""All stand-ins behind one port of loopback."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

from warm_transfer.stand.wire.deepgram_api import DeepgramApi
from warm_transfer.stand.wire.faults import Fault
from warm_transfer.stand.wire.openai_api import OpenAIApi

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PATHS = {"openai": "/openai/v1", "groq": "/groq/openai/v1", "openrouter": "/openrouter/api/v1", "custom": "/custom/v1"}
DEEPGRAM_PATH = "/deepgram/v1"
_CLOSE_S = 0.2  # stalled answers need not be waited for


class WireServer:
    """Serves while the context is open.

    `faults`: by "provider.kind", as "groq.llm"; may be changed at any time. `requests`: path and
    headers of each so far.
    """

    def __init__(self, *, keys: Mapping[str, str] | None = None, port: int = 0) -> None:
        """`keys` by provider; by default each has a random one."""
        self.keys = {name: f"wire-{secrets.token_hex(8)}" for name in (*PATHS, "deepgram")} | dict(keys or {})
        self.faults: dict[str, Fault] = {}
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The settings that send every provider here."""
        base = f"http://127.0.0.1:{self._port}"
        urls = {f"{name.upper()}_BASE_URL": base + path for name, path in PATHS.items()}
        keys = {f"{name.upper()}_API_KEY": key for name, key in self.keys.items()}
        return urls | keys | {"DEEPGRAM_BASE_URL": base + DEEPGRAM_PATH}

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._note])
        for name, path in PATHS.items():
            app.add_routes(OpenAIApi(provider=name, key=self.keys[name], fault_of=self._fault).routes(path))
        app.add_routes(DeepgramApi(key=self.keys["deepgram"], fault_of=self._fault).routes(DEEPGRAM_PATH))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _fault(self, provider: str, kind: str) -> Fault:
        return self.faults.get(f"{provider}.{kind}", Fault.NONE)

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.headers)))
        try:
            return await handler(request)
        except ConnectionResetError:  # by a fault, or by the client
            return web.Response()
