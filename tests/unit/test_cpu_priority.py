"""Models give way to sound, also where the user may not do everything."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.cpu_priority import MODEL_NICENESS, give_way, idle_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux alone")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_thread_that_gives_way_hands_it_on_and_leaves_others_alone() -> None:
    before = niceness()

    def in_a_child() -> int:
        with ThreadPoolExecutor(max_workers=1) as child:
            return child.submit(niceness).result()

    with ThreadPoolExecutor(max_workers=1, initializer=give_way) as models:
        assert models.submit(in_a_child).result() == before + MODEL_NICENESS
    assert niceness() == before


def test_preparation_ends_with_the_priority_it_began_with() -> None:
    started = threading.Event()
    done = threading.Event()

    def model() -> None:
        started.set()
        done.wait()

    with idle_priority():
        thread = threading.Thread(target=model)
        thread.start()
        started.wait()
    assert thread.native_id is not None
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert os.sched_getscheduler(thread.native_id) == os.SCHED_OTHER
    done.set()
    thread.join()


def test_preparation_that_never_gets_its_turn_takes_it() -> None:
    deadline = time.monotonic() + 10
    with idle_priority(yields_s=0.05):
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        while os.sched_getscheduler(0) != os.SCHED_OTHER and time.monotonic() < deadline:
            time.sleep(0.01)
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_user_who_may_not_come_back_does_not_go(monkeypatch: pytest.MonkeyPatch) -> None:
    main, asked = threading.get_native_id(), []
    change = os.sched_setscheduler

    def ordinary(pid: int, policy: int, parameters: os.sched_param) -> None:
        asked.append((threading.get_native_id(), policy))
        if policy != os.SCHED_IDLE:
            raise PermissionError(1, "Operation not permitted")
        change(pid, policy, parameters)

    monkeypatch.setattr(os, "sched_setscheduler", ordinary)
    with idle_priority():
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert asked
    assert main not in {thread for thread, _ in asked}
