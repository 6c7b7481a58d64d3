"""How much of anything one address, and everybody together, may ask for; kept per process."""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warm_transfer.control.api.errors import ApiError, fault_response
from warm_transfer.settings import Settings, listed

MOST_BODY_BYTES = 64 * 1024
"""The largest body is a note of 2000 characters; LiveKit's webhooks are a few kB."""
BODY_S = 10.0
"""For the whole body, which is small: who sends it a byte at a time has a connection no longer."""
MOST_ADDRESSES = 10_000
PER_ADDRESS_SHARE = 10


class Allowance:
    """So many per minute for each name, refilled evenly; who has not asked for longest is forgotten first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str) -> float:
        """Take one; 0, or how long until there is one again (and none is taken)."""
        now = self._clock()
        left, at = self._left.pop(name, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60)
        is_free = left >= 1
        self._left[name] = (left - 1 if is_free else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0.0 if is_free else (1 - left) * 60 / self._most


class Limits:
    """All allowances of one control process."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = [ipaddress.ip_network(one) for one in listed(settings.trusted_proxies)]
        self._requests = Allowance(settings.requests_per_minute)
        self._calls = Allowance(settings.new_calls_per_minute)
        self._calls_in_all = Allowance(settings.new_calls_per_minute_in_all)
        self._most_connections = settings.most_connections
        self._connections: dict[str, int] = {}

    def address(self, connection: HTTPConnection) -> str:
        """Whose request it is: the peer, or whom the proxies that we know name, each for the one before it.

        What is no address names nobody: the proxy that says it is asked for, lest everybody have a limit of their own.
        """
        peer = connection.client.host if connection.client else ""
        # Some proxies add a line of their own to the client's, some add to the client's line.
        forwarded = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
        while self._is_proxy(peer) and forwarded and (named := _without_port(forwarded.pop().strip())):
            peer = named
        return _network(peer)

    def check_request(self, connection: HTTPConnection) -> None:
        """Raises ApiError 429 once the address asks too often."""
        _refuse(self._requests.wait_s(self.address(connection)), "Too many requests.")

    def check_new_call(self, connection: HTTPConnection) -> None:
        """Raises ApiError 429 once the address, or everybody together, makes too many calls."""
        _refuse(self._calls.wait_s(self.address(connection)), "Too many new calls from this address.")
        _refuse(self._calls_in_all.wait_s(""), "Too many new calls.")

    def connect(self, connection: HTTPConnection) -> Callable[[], None] | None:
        """Take a WebSocket's place; gives what frees it, None if there is none left, or the address asks too often."""
        address = self.address(connection)
        if self._requests.wait_s(address):
            return None
        taken = self._connections.get(address, 0)
        share = max(1, self._most_connections // PER_ADDRESS_SHARE)
        if sum(self._connections.values()) >= self._most_connections or taken >= share:
            return None
        self._connections[address] = taken + 1

        def free() -> None:
            self._connections[address] -= 1
            if not self._connections[address]:
                del self._connections[address]

        return free

    @property
    def connections(self) -> int:
        """WebSockets that are open."""
        return sum(self._connections.values())

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


class RequestLimits:
    """ASGI middleware: rate and body size, before anything of the body is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within the limits."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        try:
            limits_of(request).check_request(request)
            body = await _body_in_time(request, receive)
        except ApiError as error:
            return await fault_response(error)(scope, receive, send)
        return await self._app(scope, _given(body, receive), send)


def limits_of(connection: HTTPConnection) -> Limits:
    """The app's."""
    limits: Limits = connection.app.state.limits
    return limits


def _refuse(wait_s: float, message: str) -> None:
    if wait_s:
        raise ApiError(429, "too_many", message, {"Retry-After": str(max(1, round(wait_s + 0.5)))})


def _without_port(address: str) -> str:
    """The address of `203.0.113.7:4711` or `[2001:db8::7]:4711` or without a port; "" if it is none."""
    for one in (address, address.rpartition(":")[0]):
        try:
            return str(ipaddress.ip_address(one.removeprefix("[").removesuffix("]")))
        except ValueError:
            continue
    return ""


def _network(address: str) -> str:
    """An IPv6 address by its /64: one machine has as many as it likes of it. One that stands for IPv4 is that one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


async def _body_in_time(request: Request, receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await _body(request, receive)
    except TimeoutError:
        slow = f"The body must come within {BODY_S:.0f} s."
        raise ApiError(408, "body_too_slow", slow, {"Connection": "close"}) from None


async def _body(request: Request, receive: Receive) -> bytes:
    too_large = ApiError(413, "body_too_large", f"A body may have {MOST_BODY_BYTES} bytes at most.")
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MOST_BODY_BYTES:
        raise too_large
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BODY_BYTES:
            raise too_large
        if not message.get("more_body", False):
            return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    """What the app receives: the whole body at once, then what the client does next."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give
