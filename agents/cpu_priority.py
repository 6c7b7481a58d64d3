"""Who gives way on busy cores: a live call's sound comes first, its models next, preparation for later calls last.

WebRTC's threads need little time, but need it every 10 ms. Beside models at the same priority on two cores they waited
up to 290 ms for their turn (measured), which the caller hears. Linux only: elsewhere threads have no priority of
their own that an ordinary user may lower.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

MODEL_NICENESS = 5
"""A third of the share of a thread that carries sound, when both want the core."""
YIELDS_S = 5.0
"""Preparing takes 2 s on idle cores; a call may be waiting for a process that has not come by in this time."""


def give_way() -> None:
    """Lower the calling thread for good, and every thread that it starts from now on."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + MODEL_NICENESS)


@contextmanager
def idle_priority(yields_s: float = YIELDS_S) -> Iterator[None]:
    """Take only the time that no live call wants; for so long, and then the same as others.

    LiveKit starts the replacement of a process just when that one's call needs the cores. Measured on two busy cores:
    loading models beside a call took 1.3 s off its hold music. Linux lets an ordinary user into this class but not out
    of it again (RLIMIT_NICE): without the right to come back nothing is changed.
    """
    if sys.platform != "linux" or not _may_come_back():
        yield
        return
    patience = threading.Timer(yields_s, _come_back)
    patience.start()  # before: it would inherit the priority
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        patience.cancel()
        patience.join()
        _come_back()


def _come_back() -> None:
    for thread in Path("/proc/self/task").iterdir():  # the models' own threads have inherited it
        with contextlib.suppress(ProcessLookupError):  # ended by now
            os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


def _may_come_back() -> bool:
    """Try it in a thread that ends here and now."""
    with ThreadPoolExecutor(max_workers=1) as one:
        return one.submit(_goes_and_comes_back).result()


def _goes_and_comes_back() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return False
    return True
