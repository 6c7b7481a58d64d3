"""What a stand-in does wrong, as providers do."""

import asyncio
from enum import StrEnum

from aiohttp import web

SLOW_S = 1.0
"""Before the first byte: slow, but within the 3 s of a first token."""
STALL_S = 600.0
"""Longer than any deadline."""


class Fault(StrEnum):
    """How a stand-in answers; the values are what WIRE_FAULTS takes."""

    NONE = "none"
    SLOW = "slow"
    """Right, but SLOW_S late."""
    DROP = "drop"
    """Closes the connection: before the answer for a request, at once for a WebSocket."""
    CUT = "cut"
    """Closes the connection in the middle of the answer."""
    UNAUTHORIZED = "401"
    RATE_LIMITED = "429"
    BROKEN = "500"
    STALL = "stall"
    """Begins an answer and never goes on."""
    MALFORMED = "malformed"
    """Sends what is no JSON, and no audio."""


STATUSES = {Fault.UNAUTHORIZED: 401, Fault.RATE_LIMITED: 429, Fault.BROKEN: 500}
WORDS = {401: "Incorrect API key provided", 429: "Rate limit reached", 500: "The server had an error"}
HALFWAY = frozenset({Fault.CUT, Fault.STALL, Fault.MALFORMED})


async def before_answer(request: web.Request, fault: Fault) -> int | None:
    """Do what comes before an answer; the HTTP status to refuse with, None to go on."""
    if fault is Fault.SLOW:
        await asyncio.sleep(SLOW_S)
    if fault is Fault.DROP:
        drop(request)
    return STATUSES.get(fault)


def drop(request: web.Request) -> None:
    """End the connection as a dying server does."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("dropped on purpose")


def read_faults(text: str) -> dict[str, Fault]:
    """`groq.llm=500,deepgram.stt=drop` as faults by provider and kind; ValueError for an unknown one."""
    pairs = (one.split("=", 1) for one in text.split(",") if one)
    return {where: Fault(fault) for where, fault in pairs}
