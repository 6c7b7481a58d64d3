"""What is up, and what is counted."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from pydantic import Field
from starlette.requests import HTTPConnection

from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.control.api.access import Reader
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import faults
from warm_transfer.control.api.limits import Limits, limits_of
from warm_transfer.control.api.reading import TheControl
from warm_transfer.control.api.views import View
from warm_transfer.transfer.errors import TargetUnavailableError

CHECKED_S = 2.0
"""Anybody may ask; the LiveKit server is asked no oftener than this, and what takes as long to answer is down."""
LIVE_S = 24 * 3600.0

Up = Literal["up", "down"]
router = APIRouter(tags=["operation"])


class Health(View):
    """What is up."""

    status: Literal["ok", "degraded"]
    call_log: Up
    livekit: Up = Field(description="Whether the LiveKit server answers with our key.")


class Checks:
    """The last look at what this needs."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._last: Health | None = None

    async def now(self, control: Control) -> Health:
        """What is up, looked at within the last CHECKED_S."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._at > CHECKED_S:
                log, livekit = await asyncio.gather(
                    _up(asyncio.to_thread(control.log.head)), _up(control.rooms.names(["health"]))
                )
                status: Literal["ok", "degraded"] = "ok" if (log, livekit) == ("up", "up") else "degraded"
                self._last, self._at = Health(status=status, call_log=log, livekit=livekit), time.monotonic()
            return self._last


@router.get("/health", responses={503: {"model": Health, "description": "Something is down; the body says what."}})
async def health(connection: HTTPConnection, control: TheControl, response: Response) -> Health:
    """What is up, and what isn't; needs no key."""
    checks: Checks = connection.app.state.checks
    found = await checks.now(control)
    if found.status != "ok":
        response.status_code = 503
    return found


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}, **faults(401, 403, 503)})
def metrics(control: TheControl, principal: Reader, limits: Annotated[Limits, Depends(limits_of)]) -> Response:
    """Counts for Prometheus, from the call log: the same from every control process, save `connections`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts(control, limits.connections))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Counts(Collector):
    def __init__(self, control: Control, connections: int) -> None:
        self._events = control.log.counts()
        self._dispositions = control.log.dispositions()
        self._live = len(control.log.live_call_ids(time.time() - LIVE_S))
        self._connections = connections

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        events = CounterMetricFamily("warm_transfer_events", "Events of the call log.", labels=["type"])
        for kind, number in sorted(self._events.items()):
            events.add_metric([kind], number)
        transfers = CounterMetricFamily("warm_transfer_transfers", "Transfers that ended.", labels=["disposition"])
        for disposition, number in sorted(self._dispositions.items()):
            transfers.add_metric([disposition], number)
        live = GaugeMetricFamily("warm_transfer_live_calls", "Calls that have begun and not ended.", value=self._live)
        connections = GaugeMetricFamily(
            "warm_transfer_connections", "WebSockets open in this process.", value=self._connections
        )
        return [events, transfers, live, connections]


async def _up(asking: Awaitable[object]) -> Up:
    """Whether what was asked answers, and soon."""
    try:
        await asyncio.wait_for(asking, CHECKED_S)
    except (LogUnavailableError, TargetUnavailableError, TimeoutError):
        return "down"
    return "up"
