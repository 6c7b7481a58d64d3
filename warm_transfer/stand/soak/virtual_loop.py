"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors


class StuckError(RuntimeError):
    """Everything waits for something that will never happen."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: where nothing is ready, time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise StuckError("no timer is set and nothing is ready")
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code without I/O: `asyncio.sleep` and timeouts take no real time, and their order is exact."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now
