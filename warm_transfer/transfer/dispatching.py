"""How a job of ours is asked for until it is there: a dispatch without a free worker is lost silently."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from warm_transfer.transfer.errors import TargetUnavailableError

logger = logging.getLogger(__name__)


async def dispatch_until(
    settled: Callable[[], Awaitable[object]],
    dispatch: Callable[[], Awaitable[object]],
    *,
    timeout_s: float,
    most: int,
) -> bool:
    """Dispatch, up to `most` times, until `settled` returns; False if it never did.

    Each dispatch has `timeout_s` to settle, also one that the server could not make (TargetUnavailableError).
    """
    for _ in range(most):
        try:
            async with asyncio.timeout(timeout_s):
                await _try(dispatch)
                await settled()
                return True
        except TimeoutError:
            logger.warning("a dispatched job did not come in time")
    return False


async def _try(dispatch: Callable[[], Awaitable[object]]) -> None:
    try:
        await dispatch()
    except TargetUnavailableError as error:
        logger.warning("not dispatched", extra={"why": error.sentence})
