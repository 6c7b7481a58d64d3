"""What is made ready while the caller is asked: taken over by the consult, or undone; against fakes in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes import FakeClock, FakeConversation, FakeWorld, settle
from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.calls.snapshots import TransferSnapshot
from warm_transfer.transfer import events as ev
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.terms import Deadline, Disposition, Move, Offer, State

OFFER = Offer(transfer_id="t", target="billing", others=("general",), skill="billing", reason="charged twice")
OTHER = Offer(transfer_id="u", target="technical", skill="technical", reason="no internet")
CLIENT, JOIN = Move.CLIENT_MOVE, Move.JOIN_CALLER_ROOM
TTL_S = 30.0
DEADLINES = {
    Deadline.ARM: TTL_S,
    Deadline.HOLD: 0.7,
    Deadline.UPDATE: 20.0,
    Deadline.RING: 15.0,
    Deadline.CONSULT: 60.0,
    Deadline.MOVE: 5.0,
}


class Call:
    """A coordinator that runs, and the fake world around it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.world = FakeWorld()
        self.coordinator = Coordinator(
            ports=Ports(
                caller=self.world,
                target=self.world,
                conversation=FakeConversation(),
                record=self.world.record,
                sleep=self.clock.sleep,
            ),
            deadlines=DEADLINES,
        )
        self.running = asyncio.create_task(self.coordinator.run())

    async def happens(self, *events: ev.Event) -> None:
        for event in events:
            self.coordinator.post(event)
            await settle()

    async def tells(self, event: ev.Event) -> None:
        """The target line tells something."""
        assert self.world.post is not None
        self.world.post(event)
        await settle()

    @property
    def state(self) -> State:
        return self.coordinator.situation.state

    def recorded(self, event_type: str) -> list[dict[str, Any]]:
        return [dict(payload) for kind, payload in self.world.records if kind == event_type]

    def why_undone(self) -> list[tuple[str, str]]:
        return [(one["transfer_id"], one["reason"]) for one in self.recorded("transfer_disarmed")]

    def snapshot(self) -> TransferSnapshot:
        told = [
            LoggedEvent(seq=n, event_id=str(n), call_id="c", call_seq=n, at=float(n), type=kind, payload=payload)
            for n, (kind, payload) in enumerate(self.world.records, start=1)
        ]
        return fold(told).transfers[-1]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    call = Call()
    yield call
    call.running.cancel()
    await asyncio.gather(call.running, return_exceptions=True)


async def test_offer_makes_the_target_ready_and_tells_it_nothing(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    await call.tells(ev.TargetAnswered("b"))
    assert call.state is State.OFFERED
    assert call.world.did == ["arm billing"]
    assert call.snapshot().is_armed
    assert call.snapshot().final_room == "final-t"


async def test_offer_without_a_way_to_the_target_makes_nothing_ready(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER))
    assert call.world.did == []


async def test_consent_takes_over_what_is_ready(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.TransferRequested(CLIENT))
    assert call.world.did == ["arm billing", "open billing"]
    assert call.recorded("consult_opened")[0]["final_room"] == "final-t"
    assert call.why_undone() == []
    await call.clock.advance(TTL_S)
    assert "dismiss none" not in call.world.did


async def test_target_that_was_ready_is_briefed_and_the_caller_moved(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.TransferRequested(CLIENT))
    await call.tells(ev.TargetAnswered("b"))
    await call.tells(ev.TargetAccepted())
    await call.tells(ev.CallerMoved())
    assert (await call.running).disposition is Disposition.COMPLETED
    assert call.world.did == [
        *("arm billing", "open billing", "brief", "close_ears", "move client_move", "part client_move", "close"),
    ]


async def test_no_while_it_is_being_made_ready_undoes_it_at_once(call: Call) -> None:
    call.world.blocks["arm billing"] = asyncio.Event()
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.OfferWithdrawn())
    assert call.state is State.TALKING
    assert call.world.did == ["arm billing", "dismiss none"]
    assert call.why_undone() == [("t", "the offer was withdrawn")]
    assert not call.snapshot().is_armed


async def test_consent_before_it_is_ready_waits_for_it(call: Call) -> None:
    ready = call.world.blocks["arm billing"] = asyncio.Event()
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.TransferRequested(CLIENT))
    assert call.world.did == ["arm billing"]
    ready.set()
    await settle()
    assert call.world.did == ["arm billing", "open billing"]
    assert call.state is State.RINGING


async def test_server_that_fails_to_make_ready_costs_nothing_but_the_lead(call: Call) -> None:
    call.world.failures["arm billing"] = TargetUnavailableError("no server")
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    assert call.state is State.OFFERED
    assert call.why_undone() == [("t", "no server")]
    await call.happens(ev.TransferRequested(CLIENT))
    assert call.world.did == ["arm billing", "dismiss none", "open billing"]
    assert call.recorded("consult_opened")[0]["final_room"] == "final-1"


async def test_bug_in_making_ready_costs_nothing_but_the_lead(call: Call) -> None:
    call.world.failures["arm billing"] = KeyError("bug")
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.TransferRequested(CLIENT))
    assert call.state is State.RINGING
    assert call.why_undone() == [("t", "KeyError")]


@pytest.mark.parametrize(
    "event",
    [ev.TargetLeft(), ev.TargetBusy(), ev.TargetDeclined("not mine"), ev.TargetUnavailable("no worker is free")],
    ids=lambda event: type(event).__name__,
)
async def test_target_that_dies_or_refuses_while_it_is_ready_is_called_anew_after_consent(
    call: Call, event: ev.Event
) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    await call.tells(event)
    assert call.state is State.OFFERED
    assert call.world.did == ["arm billing", "dismiss none"]
    assert len(call.why_undone()) == 1
    await call.happens(ev.TransferRequested(CLIENT))
    assert call.world.did[-1] == "open billing"
    assert call.recorded("attempt_begun") == [{"transfer_id": "t", "target": "billing", "attempt": "t.billing"}]


async def test_target_that_dies_as_the_caller_agrees_is_the_consults_to_see(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    assert call.world.post is not None
    call.coordinator.post(ev.TransferRequested(CLIENT))
    call.world.post(ev.TargetLeft())
    await settle()
    assert call.state is State.RINGING
    assert call.world.did == ["arm billing", "open billing"]


async def test_no_answer_in_time_undoes_it_and_a_late_yes_begins_from_nothing(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    await call.clock.advance(TTL_S)
    assert call.state is State.OFFERED
    assert call.world.did == ["arm billing", "dismiss none"]
    assert call.why_undone() == [("t", "no answer in time")]
    await call.happens(ev.TransferRequested(CLIENT))
    assert call.world.did[-1] == "open billing"
    assert call.recorded("consult_opened")[0]["final_room"] == "final-1"


async def test_hang_up_undoes_it(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.CallerLeft("bye"))
    await call.running
    assert call.world.did == ["arm billing", "dismiss caller_left"]
    assert call.why_undone() == [("t", "bye")]


async def test_offer_of_somebody_else_undoes_it_first(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT), ev.TransferOffered(OTHER, CLIENT))
    assert call.world.did == ["arm billing", "dismiss none", "arm technical"]
    assert call.why_undone() == [("t", "another offer")]
    await call.clock.advance(TTL_S - 1)
    await call.happens(ev.TransferRequested(CLIENT))
    assert call.recorded("consult_opened")[0]["final_room"] == "final-u"


async def test_what_an_undone_target_still_tells_is_of_no_interest(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    late = call.world.post
    await call.happens(ev.TransferOffered(OTHER, CLIENT))
    assert late is not None
    late(ev.TargetLeft())
    await settle()
    assert call.why_undone() == [("t", "another offer")]


async def test_log_tells_when_what_was_ready_could_not_be_used(call: Call) -> None:
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    call.world.armed = None  # the line found Agent B gone
    await call.happens(ev.TransferRequested(CLIENT))
    assert call.why_undone() == [("t", "it could not be used")]


async def test_nothing_is_left_running_when_the_worker_ends_meanwhile(call: Call) -> None:
    call.world.blocks["arm billing"] = asyncio.Event()
    await call.happens(ev.TransferOffered(OFFER, CLIENT))
    call.running.cancel()
    await asyncio.gather(call.running, return_exceptions=True)
    assert call.running.cancelled()
    assert call.world.finished == []
