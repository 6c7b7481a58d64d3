"""What Agent A takes from a call that comes back from an Agent B."""

import asyncio
from typing import Literal, cast

import pytest

from agents.caller_presence import LEFT_ROOM, LOST, GraceTimes
from agents.roster import load_roster
from agents.taken_over import LEAST_GRACE_S, TakenOverCall
from tests.unit.test_snapshots import WARM, T, folded
from warm_transfer.calls.events import CallEvent, Payload
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Participant, Rooms
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import HAS_CALLER_ATTRIBUTE, AgentAJob

ASKED = {"transfer_id": "x1", "identity": "b1", "cause": "asked", "reason": "Router.", "skill": None}
BACK = [*WARM[:-1], (8.5, "caller_handed_back", ASKED)]
MOVING = [step for step in WARM if step[0] <= 5.7]
OFFERED_AT = next(at for at, event_type, _ in WARM if event_type == "transfer_offered")
SAID_AFTER = (9.5, "turn_spoken", {"turn_id": "t3_1", "speaker": "caller", "room": "r3", "text": "Yes."})


class FakeRooms:
    """Who is where: in r1, the caller room, and r3, the final room."""

    def __init__(self, r1: set[str], r3: set[str], *, ahead: str = "") -> None:
        """`ahead` waits in r3 to be told to move there."""
        self._people = {"r1": r1, "r3": r3}
        self._ahead = ahead
        self.looks = 0
        self.deleted: list[str] = []

    async def people(self, name: str) -> set[str]:
        self.looks += 1
        return self._people[name]

    async def participants(self, name: str) -> list[Participant]:
        return [
            Participant(identity=one, joined_at_ms=0, is_publishing=True, is_ahead=one == self._ahead)
            for one in await self.people(name)
        ]

    async def delete(self, name: str) -> None:
        self.deleted.append(name)


async def undone(rooms: FakeRooms) -> bool:
    """Whether a transfer whose Agent A died in the move is undone."""
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*MOVING))
    return await call.undo_transfer(cast(Rooms, rooms), lambda *_: None, room="r1", caller="caller", move_timeout_s=0.2)


async def test_move_whose_agent_b_died_as_well_is_undone_at_once() -> None:
    rooms = FakeRooms(r1={"caller"}, r3={"caller"})
    assert await undone(rooms)
    assert rooms.looks == 2
    assert rooms.deleted == ["r2", "r3"]


async def test_move_to_an_agent_b_who_lives_has_its_time() -> None:
    rooms = FakeRooms(r1={"caller"}, r3={"caller", "b1"})
    assert await undone(rooms)
    assert rooms.looks > 2


async def test_caller_who_is_only_ahead_in_the_final_room_is_not_waited_for() -> None:
    rooms = FakeRooms(r1={"caller"}, r3={"caller", "b1"}, ahead="caller")
    assert await undone(rooms)
    assert rooms.looks == 1


async def test_what_was_ready_for_an_offer_goes_with_the_agent_a_who_made_it() -> None:
    offered = [step for step in WARM if step[0] < OFFERED_AT]
    offered += [
        (OFFERED_AT, "transfer_offered", {"transfer_id": "x9", "skill": "billing", "target": "billing", "reason": ""}),
        (OFFERED_AT, "transfer_armed", {"transfer_id": "x9", "consult_room": "r2", "final_room": "r3"}),
    ]
    rooms, told = FakeRooms(r1={"caller"}, r3={"caller", "b1"}, ahead="caller"), list[tuple[str, Payload]]()
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*offered))
    assert await call.undo_transfer(
        cast(Rooms, rooms), lambda *one: told.append(one), room="r1", caller="caller", move_timeout_s=0.2
    )
    assert rooms.deleted == ["r2", "r3"]
    assert told == [("transfer_disarmed", {"transfer_id": "x9", "reason": "Agent A's process died"})]


async def test_caller_who_is_moved_stays_moved() -> None:
    rooms = FakeRooms(r1=set(), r3={"caller", "b1"})
    assert not await undone(rooms)
    assert rooms.deleted == ["r2"]


class Restarting(FakeRooms):
    """A server that answers nothing for its first calls, and deletes nothing at all."""

    def __init__(self, r1: set[str], r3: set[str], *, refusals: int) -> None:
        super().__init__(r1, r3)
        self._refusals = refusals

    async def people(self, name: str) -> set[str]:
        people = await super().people(name)
        if self.looks <= self._refusals:
            raise TargetUnavailableError("restarting")
        return people

    async def delete(self, name: str) -> None:
        await super().delete(name)
        raise TargetUnavailableError("restarting")


async def test_transfer_is_undone_though_the_server_deletes_nothing() -> None:
    rooms = Restarting(r1={"caller"}, r3=set(), refusals=0)
    assert await undone(rooms)
    assert rooms.deleted == ["r2", "r3"]


async def test_server_that_is_away_for_a_moment_is_asked_again_where_the_caller_is() -> None:
    assert not await undone(Restarting(r1=set(), r3={"caller", "b1"}, refusals=1))


async def test_server_that_stays_away_is_not_asked_for_ever() -> None:
    assert await undone(Restarting(r1={"caller"}, r3={"caller", "b1"}, refusals=1000))


async def found(rooms: FakeRooms, timeout_s: float) -> bool:
    """Whether the wait for a caller who is not in our room ended before its time."""
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*MOVING))
    arriving = asyncio.create_task(asyncio.Event().wait())
    begun = asyncio.get_running_loop().time()
    await call.until_found(arriving, cast(Rooms, rooms), room="r1", caller="caller", timeout_s=timeout_s)
    arriving.cancel()
    return asyncio.get_running_loop().time() - begun < timeout_s


async def test_caller_who_has_gone_on_to_agent_b_is_not_waited_for() -> None:
    assert await found(FakeRooms(r1=set(), r3={"caller", "b1"}), timeout_s=20)


async def test_caller_who_is_nowhere_is_waited_for() -> None:
    rooms = FakeRooms(r1=set(), r3={"b1"})
    assert not await found(rooms, timeout_s=0.3)
    assert await undone(rooms)
    assert rooms.deleted == ["r2", "r3"]


JOIN: list[tuple[float, str, Payload]] = [
    (at, kind, {**told, "move": "join_caller_room", "final_room": "r1"} if "final_room" in told else told)
    for at, kind, told in MOVING
]
"""As MOVING, of a caller who can't move: Agent B speaks in the caller room."""
CONSULTING = [step for step in JOIN if step[0] < 5.6]


class CallerRoom:
    """Who is in r1, and which of them say that they have the caller."""

    def __init__(self, *people: str, having: str = "", refusals: int = 0) -> None:
        self.there = {one: {HAS_CALLER_ATTRIBUTE: "1"} if one == having else {} for one in people}
        self.did: list[str] = []
        self._refusals = refusals

    async def attributes(self, name: str) -> dict[str, dict[str, str]]:
        if self._refusals > 0:
            self._refusals -= 1
            raise TargetUnavailableError("restarting")
        return dict(self.there)

    async def remove(self, name: str, identity: str) -> None:
        self.did.append(f"remove {identity}")
        self.there.pop(identity)

    async def delete(self, name: str) -> None:
        self.did.append(f"delete {name}")


async def joined(
    rooms: CallerRoom, told: list[tuple[float, str, Payload]], timeout_s: float = 0.3
) -> tuple[bool, list[object]]:
    """Whether Agent B has the caller, and the disposition that this gave."""
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*told))
    ends: list[object] = []

    def record(event: CallEvent, payload: Payload) -> None:
        if event == "transfer_ended":
            ends.append(payload["disposition"])

    is_ours = await call.undo_transfer(cast(Rooms, rooms), record, room="r1", caller="caller", move_timeout_s=timeout_s)
    if not is_ours:
        assert call.move_to_agent_b("r1") is Move.JOIN_CALLER_ROOM  # the room stays
    return not is_ours, ends


B = "agent_b_billing-x1"


async def test_agent_b_who_has_the_caller_in_their_room_keeps_them() -> None:
    rooms = CallerRoom("caller", "agent_a-2", B, having=B)
    assert await joined(rooms, JOIN) == (True, ["completed"])
    assert rooms.did == ["delete r2"]


async def test_agent_b_who_takes_the_caller_just_now_keeps_them() -> None:
    rooms = CallerRoom("caller", "agent_a-2", B)
    asyncio.get_running_loop().call_later(0.15, rooms.there[B].update, {HAS_CALLER_ATTRIBUTE: "1"})
    assert await joined(rooms, JOIN, timeout_s=5) == (True, ["completed"])


async def test_agent_b_who_never_takes_the_caller_is_out_before_agent_a_speaks() -> None:
    rooms = CallerRoom("caller", "agent_a-2", B)
    assert await joined(rooms, JOIN) == (False, ["failed"])
    assert rooms.did == [f"remove {B}", "delete r2"]


async def test_person_and_attendant_who_do_not_take_the_caller_are_out_both() -> None:
    rooms = CallerRoom("caller", "desk_dana-1", B)
    assert await joined(rooms, JOIN) == (False, ["failed"])
    assert rooms.did[:-1] == ["remove desk_dana-1", f"remove {B}"]


async def test_agent_b_who_had_not_accepted_is_out_at_once() -> None:
    rooms = CallerRoom("caller", B)
    assert await joined(rooms, CONSULTING, timeout_s=60) == (False, ["failed"])
    assert rooms.did[0] == f"remove {B}"


async def test_agent_b_who_was_told_to_speak_though_the_log_does_not_know_keeps_the_caller() -> None:
    rooms = CallerRoom("caller", B, having=B)
    assert await joined(rooms, CONSULTING) == (True, ["completed"])


async def test_agent_b_who_has_left_the_callers_room_is_not_waited_for() -> None:
    assert await joined(CallerRoom("caller", "agent_a-2"), JOIN, timeout_s=60) == (False, ["failed"])


async def test_server_that_is_away_tells_nothing_of_who_has_the_caller() -> None:
    rooms = CallerRoom("caller", B, having=B, refusals=2)
    assert await joined(rooms, JOIN, timeout_s=0.1) == (True, ["completed"])


GRACE = GraceTimes(rejoin_s=5, lost_s=20)
TALKING = WARM[:4]
AGAIN = (9.0, "job_started", {"role": "agent_a", "identity": "a2", "room": "r1", "pid": 12, "epoch": 2})


def left_s(*told: tuple[float, str, Payload], now: float) -> float:
    """For how long the Agent A who replaces one that was killed awaits the caller, at this moment of the call."""
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a", epoch=2), folded(*TALKING, *told, AGAIN))
    return call.grace_left_s(GRACE, room="r1", now=T + now)


def away(why: str) -> tuple[float, str, Payload]:
    return (7.0, "caller_away", {"room": "r1", "reason": why})


DIED = (8.0, "job_died", {"role": "agent_a", "identity": "a1"})


def test_caller_who_reloads_while_agent_a_dies_has_the_rest_of_the_grace() -> None:
    assert left_s(away(LEFT_ROOM), DIED, now=9) == pytest.approx(3)


def test_caller_whose_connection_was_lost_has_the_longer_grace() -> None:
    assert left_s(away(LOST), DIED, now=9) == pytest.approx(18)


def test_caller_whose_leave_nobody_saw_is_awaited_from_the_death_on() -> None:
    assert left_s(DIED, now=10) == pytest.approx(18)
    back = (7.5, "caller_returned", {"room": "r1"})
    assert left_s(away(LEFT_ROOM), back, DIED, now=10) == pytest.approx(18)


def test_caller_who_is_there_is_seen_however_late_we_come() -> None:
    assert left_s(away(LEFT_ROOM), DIED, now=60) == LEAST_GRACE_S


def test_caller_of_an_agent_a_who_lives_is_awaited_from_now_on() -> None:
    assert left_s(now=60) == pytest.approx(20)


@pytest.mark.parametrize(("told", "is_noted"), [((away(LOST), DIED), True), ((DIED,), False)])
def test_return_is_noted_of_a_caller_who_was_away(told: tuple[tuple[float, str, Payload], ...], is_noted: bool) -> None:
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a", epoch=2), folded(*TALKING, *told, AGAIN))
    noted: list[object] = []
    call.note_return(lambda event, payload: noted.append((event, payload)), room="r1")
    assert noted == ([("caller_returned", {"room": "r1"})] if is_noted else [])


def test_target_that_handed_the_caller_back_is_not_called_next() -> None:
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_b"), folded(*BACK))
    assert call.guard(4) == LoopGuard(most_transfers=4, completed=1, handed_back_by="billing")


def test_target_that_failed_may_be_called_again() -> None:
    failed = folded(*WARM[:-1], (8.5, "caller_handed_back", ASKED | {"cause": "failed"}))
    assert TakenOverCall(AgentAJob(call_id="call", replaces="agent_b"), failed).guard(4).handed_back_by is None
    died = folded(*WARM[:-1])
    assert TakenOverCall(AgentAJob(call_id="call", replaces="agent_b"), died).guard(4).handed_back_by is None


def test_target_of_the_transfer_before_may_be_called_once_another_came_in_between() -> None:
    second: list[tuple[float, str, Payload]] = [
        (10.0, "transfer_offered", {"transfer_id": "x2", "skill": "technical", "target": "technical"}),
        (11.0, "transfer_ended", {"transfer_id": "x2", "disposition": "completed"}),
        (12.0, "caller_handed_back", ASKED | {"transfer_id": "x2"}),
    ]
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_b"), folded(*BACK, *second))
    assert call.guard(4) == LoopGuard(most_transfers=4, completed=2, handed_back_by="technical")


def test_offer_that_was_refused_since_changes_nothing_for_who_handed_back() -> None:
    offered = (10.0, "transfer_offered", {"transfer_id": "x2", "skill": "technical", "target": "technical"})
    refused = (11.0, "offer_withdrawn", {"transfer_id": "x2"})
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*BACK, offered, refused))
    assert call.guard(4).handed_back_by == "billing"


@pytest.mark.parametrize("replaces", ["agent_a", "agent_b"])
def test_transfer_that_was_agreed_with_agent_b_is_made_whichever_agent_a_comes(
    replaces: Literal["agent_a", "agent_b"],
) -> None:
    on = folded(*WARM[:-1], (8.5, "caller_handed_back", ASKED | {"skill": "technical"}))
    call = TakenOverCall(AgentAJob(call_id="call", replaces=replaces), on)
    offer = call._offer_to_resume(load_roster(), call.guard(4))
    assert offer is not None
    assert (offer.target, offer.skill, offer.reason) == ("technical", "technical", "Router.")
    assert call._offer_to_resume(load_roster(), call.guard(1)) is None


def test_nothing_said_before_the_caller_came_back_counts_as_said_to_agent_a() -> None:
    assert TakenOverCall(AgentAJob(call_id="call", replaces="agent_b"), folded(*BACK)).first_turn == 3


def test_turns_with_an_agent_a_that_died_after_the_hand_back_count() -> None:
    call = TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*BACK, SAID_AFTER))
    assert (call.first_turn, len(call.past.transcript)) == (3, 4)


def test_call_that_was_never_with_an_agent_b_counts_from_its_first_turn() -> None:
    assert TakenOverCall(AgentAJob(call_id="call", replaces="agent_a"), folded(*WARM[:4])).first_turn == 0
