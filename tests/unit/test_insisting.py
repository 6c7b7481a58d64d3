"""An Agent B whose dispatch was lost is asked for again while it rings, and not once it has come or is not needed."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from warm_transfer.stand.soak.virtual_loop import VirtualLoop
from warm_transfer.transfer.events import Event, TargetUnavailable
from warm_transfer.transfer.livekit_adapter import target_line
from warm_transfer.transfer.livekit_adapter.rooms import Dispatched
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, LiveKitTargetLine
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import AgentBJob, read_job_metadata

OFFER = Offer(transfer_id="0123456789", target="billing", skill="billing", reason="charged twice")
TIMEOUT_S = 3.0
RING_S = 15.0


class Ringing:
    """Stands for the rooms and the consult room of one transfer: the Agent B of dispatch `takes` comes 1 s later."""

    def __init__(self, takes: int, *, taken_from: int | None = None) -> None:
        """`taken_from`: a worker has taken this dispatch and all after it, and is slow."""
        self._takes = takes
        self._taken_from = taken_from
        self._asked: list[str] = []
        self._has_come = asyncio.Event()
        self.asked_at: list[float] = []
        self.jobs: set[str] = set()
        self.deleted: list[str] = []
        self.room = SimpleNamespace(isconnected=lambda: False)
        self.wait_for_peer = self._has_come.wait

    async def create(self, name: str, *, empty_timeout_s: float) -> None:
        pass

    async def delete(self, name: str) -> None:
        self.deleted.append(name)

    async def dispatch(self, _: str, room: str, metadata: str) -> str:
        loop = asyncio.get_running_loop()
        job = read_job_metadata(metadata)
        assert isinstance(job, AgentBJob)
        assert not self.deleted
        self.asked_at.append(loop.time())
        self.jobs.add(job.identity)
        self._asked.append(metadata)
        if len(self.asked_at) == self._takes:
            loop.call_later(1, self._has_come.set)
        return "AD_1"

    async def dispatches(self, *_: object) -> list[Dispatched]:
        first = self._taken_from or len(self._asked) + 1
        return [
            Dispatched(dispatch_id="AD_1", metadata=metadata, job_ids=("J",) if number >= first else ())
            for number, metadata in enumerate(self._asked, start=1)
        ]

    async def connect(self, **_: object) -> None:
        pass

    async def close(self) -> None:
        pass


def line(ringing: Ringing, monkeypatch: pytest.MonkeyPatch) -> LiveKitTargetLine:
    monkeypatch.setattr(target_line, "ConsultLink", lambda *_, **__: ringing)
    return LiveKitTargetLine(
        access=cast(Any, None),
        rooms=cast(Any, ringing),
        parties=CallParties(
            call_id="c",
            epoch=1,
            agent_name="name",
            agent_a_identity="agent_a-1",
            caller_identity="caller",
            caller_room=cast(Any, SimpleNamespace(name="caller-1")),
        ),
        consult_mode="text",
        room_timeout_s=60,
        arm_ttl_s=30,
        ring_timeout_s=RING_S,
        dispatch_timeout_s=TIMEOUT_S,
        voice=None,
        farewells={},
    )


def in_virtual_time(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


@pytest.mark.parametrize(("takes", "asked_at"), [(1, [0]), (2, [0, 3]), (4, [0, 3, 6, 9])])
def test_agent_b_is_asked_for_until_it_has_come(
    takes: int, asked_at: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        ringing = Ringing(takes)
        ring = line(ringing, monkeypatch)
        posted: list[Event] = []
        await ring.open(OFFER, Move.CLOUD_MOVE, posted.append, lambda _: None)
        await asyncio.sleep(60)
        assert posted == []
        assert ringing.asked_at == asked_at
        assert len(ringing.jobs) == 1  # one identity: a worker that has it refuses a second one
        await ring.close()

    in_virtual_time(run())


def test_agent_b_for_whom_no_worker_is_free_is_unavailable_before_the_ring_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        ringing = Ringing(takes=99)
        ring = line(ringing, monkeypatch)
        posted: list[Event] = []
        await ring.open(OFFER, Move.CLOUD_MOVE, posted.append, lambda _: None)
        await asyncio.sleep(RING_S - 0.1)
        assert posted == [TargetUnavailable("no worker is free")]
        assert ringing.asked_at == [0, 3, 6, 9]

    in_virtual_time(run())


def test_nobody_is_asked_for_once_the_ring_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing(takes=99)
        ring = line(ringing, monkeypatch)
        await ring.open(OFFER, Move.CLOUD_MOVE, lambda _: None, lambda _: None)
        await asyncio.sleep(4)
        await ring.dismiss(Disposition.NO_ANSWER)
        await asyncio.sleep(30)
        assert ringing.asked_at == [0, 3]

    in_virtual_time(run())


def test_slow_worker_that_has_taken_the_dispatch_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing(takes=99, taken_from=1)
        ring = line(ringing, monkeypatch)
        posted: list[Event] = []
        await ring.open(OFFER, Move.CLOUD_MOVE, posted.append, lambda _: None)
        await asyncio.sleep(60)
        assert posted == []  # it may come as long as it rings
        assert ringing.asked_at == [0, 9]  # the worker may have died of it
        await ring.close()

    in_virtual_time(run())
