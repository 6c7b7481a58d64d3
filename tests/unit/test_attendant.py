"""An attendant whose worker ends leaves the two to another attendant; one that comes too late hurts nobody."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agents.attendant_job import LEFT, AttendantJob
from agents.departure import END_REASON
from agents.return_desk import ReturnRequest
from agents.roster import Roster, Specialist
from agents.successor import Successor
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import AgentBJob, read_job_metadata

JOB = AgentBJob(
    call_id="call",
    epoch=2,
    transfer_id="x1",
    specialist="dana",
    identity="agent_b_dana-x1",
    agent_a_identity="agent_a-1",
    caller_identity="caller",
    consult_room="consult",
    move=Move.CLIENT_MOVE,
    consult_mode="text",
    desk_identity="desk_dana-1",
)
HEIR = JOB.model_copy(update={"identity": "agent_b_dana-2", "is_replacing": True})
DANA = Specialist(id="dana", kind="human", name="Dana", title="team lead", skills=("billing",))
DRAINED = ReturnRequest(cause="drained", reason="the worker ends")


class Site:
    """Stands for the house, the job's context, its rooms and the way to a successor."""

    def __init__(self, *, comes: bool = False) -> None:
        self._comes = comes
        self.roster = Roster(specialists=(DANA,))
        self.did: list[str] = []
        self.room = self
        self.job = SimpleNamespace(room=SimpleNamespace(name="final"))
        self.name = "final"
        self.why = ""

    def models(self, _: object) -> None:
        return None

    async def bring(self) -> bool:
        self.did.append("bring")
        return self._comes

    async def disconnect(self) -> None:
        self.did.append("leave")

    async def delete(self, name: str) -> None:
        self.did.append(f"delete {name}")

    def attendant(self, job: AgentBJob) -> AttendantJob:
        me = cast(Any, self)
        return AttendantJob(me, job, me, asyncio.Event())

    async def run(self, _: ReturnRequest) -> bool:
        self.did.append("hand back")
        return self._comes

    async def leave(self, attendant: AttendantJob, request: ReturnRequest = DRAINED) -> str | None:
        async def say_goodbye() -> None:
            self.did.append("goodbye")

        cast(Any, attendant)._say_goodbye = say_goodbye
        attendant._requests.put_nowait(request)
        me = cast(Any, self)
        reason = await attendant._until_gone(me, me, me, me)
        attendant._has_caller = True
        await attendant._close_rooms(me)
        return reason


async def test_next_attendant_gets_the_call_and_the_room_stays() -> None:
    site = Site(comes=True)
    assert await site.leave(site.attendant(JOB)) is None
    assert site.did == ["bring", "leave"]


async def test_two_for_whom_no_other_attendant_comes_are_told_before_the_room_is_closed() -> None:
    site = Site(comes=False)
    assert await site.leave(site.attendant(JOB)) == END_REASON
    assert site.did == ["bring", "goodbye", "delete final"]


async def test_caller_who_hangs_up_meanwhile_is_not_told_anything() -> None:
    site = Site(comes=False)
    site.why = "hung up"
    assert await site.leave(site.attendant(JOB)) == "hung up"
    assert "goodbye" not in site.did


GONE = ReturnRequest(cause="failed", reason=LEFT)


async def test_caller_whom_the_person_left_is_told_before_the_call_ends_without_an_agent_a() -> None:
    site = Site(comes=False)
    assert await site.leave(site.attendant(JOB), GONE) == LEFT
    assert site.did == ["hand back", "goodbye", "delete final"]


async def test_caller_who_hangs_up_while_an_agent_a_is_awaited_is_not_told_anything() -> None:
    site = Site(comes=False)
    site.why = "hung up"
    assert await site.leave(site.attendant(JOB), GONE) == "hung up"
    assert site.did == ["hand back", "delete final"]


async def test_attendant_that_comes_too_late_to_replace_one_leaves_the_room_alone() -> None:
    site = Site()
    await site.attendant(HEIR)._close_rooms(cast(Any, site))
    assert site.did == []


async def test_attendant_of_a_transfer_that_fails_closes_its_rooms() -> None:
    site = Site()
    await site.attendant(JOB)._close_rooms(cast(Any, site))
    assert site.did == ["delete consult", "delete final"]


@pytest.mark.parametrize(("who", "is_taken"), [("agent_b_dana-2", True), ("agent_a-9", False)])
async def test_only_the_attendant_that_was_asked_for_takes_the_call(tmp_path: Path, who: str, is_taken: bool) -> None:
    asked: list[AgentBJob] = []
    room = rtc.Room()

    async def dispatch(metadata: str) -> None:
        job = read_job_metadata(metadata)
        assert isinstance(job, AgentBJob)
        asked.append(job)
        room.emit("participant_connected", SimpleNamespace(identity=who))

    with CallLog(f"sqlite:///{tmp_path}/calls.sqlite3") as log:
        log.append("call", CallEvent.JOB_STARTED, {"role": "agent_b", "identity": JOB.identity, "epoch": 2})
        async with CallRecorder(log, "call") as recorder:
            successor = Successor(
                call_id="call",
                caller_identity="caller",
                role="agent_b",
                identity=JOB.identity,
                room=room,
                dispatch=dispatch,
                timeout_s=0.01,
                log=log,
                recorder=recorder,
                heir=HEIR,
            )
            assert await successor.bring() is is_taken
    assert (asked[0].epoch, asked[0].desk_identity, asked[0].is_replacing) == (3, "desk_dana-1", True)
