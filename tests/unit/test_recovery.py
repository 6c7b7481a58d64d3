"""A dead job's call is taken over exactly once, or not at all."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.spool import SpoolFile, UnwrittenEvent
from warm_transfer.control import recovery as recovery_module
from warm_transfer.control import recovery_claim
from warm_transfer.control.recovery import LostJob, Recovery
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import NOBODY_ANSWERS, AgentAJob, AgentBJob, read_job_metadata

ROOM = "caller-1"
AGENT_A = LostJob(
    call_id="call", role="agent_a", identity="agent_a-1", room=ROOM, consult_room=None, caller_identity="caller"
)
AGENT_B = LostJob(
    call_id="call",
    role="agent_b",
    identity="agent_b_billing-1",
    room="final-1",
    consult_room="consult-1",
    caller_identity="caller",
)


class FakeRooms:
    """Who is where; a dispatch brings an Agent A if `comes` says so."""

    def __init__(self, **people: set[str]) -> None:
        self.rooms = people
        self.jobs: list[AgentAJob | AgentBJob] = []
        self.dispatched: list[AgentAJob] = []
        """Those for an Agent A."""
        self.comes: Callable[[int], bool] = lambda _: True
        self.metadata: list[str] = []
        self.deleted: list[str] = []

    async def people(self, name: str) -> set[str]:
        return set(self.rooms.get(name.replace("-", "_"), ()))

    async def remove(self, name: str, identity: str) -> None:
        self.rooms.get(name.replace("-", "_"), set()).discard(identity)

    async def describe(self, name: str, metadata: str) -> None:
        self.metadata.append(metadata)

    async def missing(self, names: list[str]) -> set[str]:
        return {one for one in names if one.replace("-", "_") not in self.rooms}

    async def delete(self, name: str) -> None:
        self.deleted.append(name)
        self.rooms.pop(name.replace("-", "_"), None)

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        job = read_job_metadata(metadata)
        assert isinstance(job, AgentAJob | AgentBJob)
        self.jobs.append(job)
        if isinstance(job, AgentAJob):
            self.dispatched.append(job)
        if self.comes(len(self.jobs)):
            identity = f"agent_a-{secrets.token_hex(2)}" if isinstance(job, AgentAJob) else job.identity
            self.rooms[room.replace("-", "_")].add(identity)
        return "dispatch"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_S", "FIRST_RETRY_S"):
        monkeypatch.setattr(recovery_module, name, 0.01)
    for name, seconds in (("LOG_RETRY_S", 0.01), ("FOLLOW_S", 0.01), ("HEAD_START_S", 0.3)):
        monkeypatch.setattr(recovery_claim, name, seconds)


@pytest.fixture
def log(tmp_path: Path) -> CallLog:
    log = CallLog(f"sqlite:///{tmp_path}/calls.sqlite3")
    log.append("call", CallEvent.CALL_STARTED, {"caller_room": ROOM, "caller_identity": "caller"})
    log.append("call", CallEvent.JOB_STARTED, job("agent_a", "agent_a-1", 1))
    return log


def job(role: str, identity: str, epoch: int) -> dict[str, Any]:
    return {"role": role, "identity": identity, "room": ROOM, "pid": 1, "epoch": epoch}


def moved_to_agent_b(log: CallLog, disposition: str = "completed") -> None:
    about = {"transfer_id": "t"}
    log.append("call", CallEvent.TRANSFER_REQUESTED, about | {"target": "billing"})
    log.append("call", CallEvent.TARGET_ANSWERED, about | {"identity": AGENT_B.identity})
    log.append("call", CallEvent.JOB_STARTED, job("agent_b", AGENT_B.identity, 2))
    if disposition:
        log.append("call", CallEvent.TRANSFER_ENDED, about | {"disposition": disposition, "reason": ""})


def told(log: CallLog, event_type: CallEvent) -> list[LoggedEvent]:
    return [one for one in log.events("call") if one.type == event_type]


async def until(log: CallLog, event_type: CallEvent) -> None:
    async with asyncio.timeout(5):
        while not told(log, event_type):  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.01)


def recovery(
    log: object,
    rooms: FakeRooms,
    by: str = "one",
    *,
    timeout_s: float = 10.0,
    lost_grace_s: float = 20.0,
    spool: Path = Path("/nonexistent"),
) -> Recovery:
    settings = Settings(
        move_timeout_s=0.1,
        dispatch_timeout_s=0.1,
        recovery_timeout_s=timeout_s,
        lost_grace_s=lost_grace_s,
        unwritten_dir=spool,
    )
    return Recovery(settings, log=cast(CallLog, log), rooms=cast(Rooms, rooms), by=by)


class Restarting(FakeRooms):
    """A server that answers nothing for its first calls."""

    def __init__(self, refusals: float, **people: set[str]) -> None:
        super().__init__(**people)
        self._refusals = refusals

    def _refuse(self) -> None:
        self._refusals -= 1
        if self._refusals >= 0:
            raise TargetUnavailableError("restarting")

    async def people(self, name: str) -> set[str]:
        self._refuse()
        return await super().people(name)

    async def remove(self, name: str, identity: str) -> None:
        self._refuse()
        await super().remove(name, identity)

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        self._refuse()
        return await super().dispatch(agent_name, room, metadata)

    async def delete(self, name: str) -> None:
        self._refuse()
        await super().delete(name)


class Picky(FakeRooms):
    """A server that fails once, with the call of this name."""

    def __init__(self, fails: str, **people: set[str]) -> None:
        super().__init__(**people)
        self._fails: str | None = fails

    def _may_fail(self, name: str) -> None:
        if self._fails == name:
            self._fails = None
            raise TargetUnavailableError("restarting")

    async def people(self, name: str) -> set[str]:
        self._may_fail("people")
        return await super().people(name)

    async def remove(self, name: str, identity: str) -> None:
        self._may_fail("remove")
        await super().remove(name, identity)

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        self._may_fail("dispatch")
        return await super().dispatch(agent_name, room, metadata)


async def test_agent_a_is_replaced_and_its_ghost_removed(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert [(one.call_id, one.caller_identity, one.epoch, one.replaces) for one in rooms.dispatched] == [
        ("call", "caller", 2, "agent_a")
    ]
    assert "agent_a-1" not in rooms.rooms["caller_1"]


async def test_any_number_of_watchers_recover_once(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await asyncio.gather(*(recovery(log, rooms, by=str(number)).recover(AGENT_A) for number in range(8)))
    assert len(rooms.dispatched) == 1
    await recovery(log, rooms, by="paused, and resumed only now").recover(AGENT_A)
    assert len(rooms.dispatched) == 1
    await recovery(log, rooms, by="0").recover(AGENT_A)  # told twice of the same death
    assert len(rooms.dispatched) == 1


async def test_log_that_is_away_is_awaited(log: CallLog) -> None:
    class Away:
        """Away for the first calls."""

        calls = 0

        def append(self, *args: Any, **named: Any) -> object:
            self.calls += 1
            if self.calls <= 5:
                raise LogUnavailableError("away")
            return log.append(*args, **named)

        events = staticmethod(log.events)

    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    away = Away()
    await asyncio.gather(*(recovery(away, rooms, by=str(number)).recover(AGENT_A) for number in range(2)))
    assert len(rooms.dispatched) == 1


async def test_log_that_stays_away_recovers_nobody(log: CallLog, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def append(self, *_: object, **__: object) -> object:
            raise LogUnavailableError("gone")

    monkeypatch.setattr(recovery_claim, "LOG_OUTAGE_S", 0.1)
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(Gone(), rooms).recover(AGENT_A)
    assert rooms.dispatched == []
    assert "agent_a-1" in rooms.rooms["caller_1"]  # it may live: nobody knows


async def test_replacement_that_does_not_come_is_dispatched_again(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    rooms.comes = lambda number: number == 3
    await recovery(log, rooms).recover(AGENT_A)
    assert [one.epoch for one in rooms.dispatched] == [2, 2, 2]


async def test_server_that_is_away_for_a_moment_is_asked_again(log: CallLog) -> None:
    class Rebooting(FakeRooms):
        looks = 0

        async def people(self, name: str) -> set[str]:
            self.looks += 1
            if self.looks == 2:
                raise TargetUnavailableError("away")
            return await super().people(name)

    rooms = Rebooting(caller_1={"caller", "agent_a-1"})
    rooms.comes = lambda number: number == 2
    await recovery(log, rooms).recover(AGENT_A)
    assert len(rooms.dispatched) == 2


@pytest.mark.parametrize("fails", ["people", "remove", "dispatch"])
async def test_one_failing_call_of_the_server_strands_nobody(log: CallLog, fails: str) -> None:
    rooms = Picky(fails, caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert len(rooms.dispatched) == 1
    assert "agent_a-1" not in rooms.rooms["caller_1"]


async def test_log_that_goes_away_after_the_claim_strands_nobody(log: CallLog) -> None:
    class Flickering:
        """Can't be read at the first try."""

        reads = 0

        append = staticmethod(log.append)

        def events(self, call_id: str) -> object:
            self.reads += 1
            if self.reads == 1:
                raise LogUnavailableError("away")
            return log.events(call_id)

    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(Flickering(), rooms).recover(AGENT_A)
    assert len(rooms.dispatched) == 1


async def test_recovery_that_one_can_not_make_is_made_by_another(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    cut_off = Restarting(float("inf"), caller_1={"caller", "agent_a-1"})
    failing = asyncio.create_task(recovery(log, cut_off, "cut off", timeout_s=0.1).recover(AGENT_A))
    await until(log, CallEvent.JOB_DIED)
    await recovery(log, rooms, "other", timeout_s=10).recover(AGENT_A)
    await failing
    assert (len(rooms.dispatched), len(cut_off.dispatched)) == (1, 0)
    first, last = told(log, CallEvent.RECOVERY_ENDED)
    assert first.payload["by"].startswith("cut off")
    assert not first.payload["is_done"]
    assert last.payload["by"].startswith("other")
    assert last.payload["is_done"]


class Reading(FakeRooms):
    """Notes what the log tells at the dispatch: so much does the new job know."""

    def __init__(self, log: CallLog, **people: set[str]) -> None:
        super().__init__(**people)
        self._log = log
        self.known: list[str] = []

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        self.known = [one.payload.get("text", one.type) for one in self._log.events("call")]
        return await super().dispatch(agent_name, room, metadata)


def spooled(folder: Path, text: str) -> SpoolFile:
    """A turn that a job could not write, in the file that it still has."""
    file = SpoolFile(folder, "call")
    payload = {"turn_id": "t1", "speaker": "caller", "room": ROOM, "text": text}
    file.append([UnwrittenEvent(call_id="call", event_id=text, type="turn_spoken", payload=payload, at=1.0)])
    return file


async def test_what_a_dead_job_could_not_write_is_known_to_the_next(log: CallLog, tmp_path: Path) -> None:
    spooled(tmp_path, "My account number is 445566.").close()
    rooms = Reading(log, caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms, spool=tmp_path).recover(AGENT_A)
    assert rooms.known[-1] == "My account number is 445566."


async def test_replay_that_has_begun_is_waited_for(log: CallLog, tmp_path: Path) -> None:
    file = spooled(tmp_path, "My name is Susan Clark.")  # locked, as by the replay of a worker
    rooms = Reading(log, caller_1={"caller", "agent_a-1"})
    recovering = asyncio.create_task(recovery(log, rooms, spool=tmp_path).recover(AGENT_A))
    await until(log, CallEvent.JOB_DIED)
    await asyncio.sleep(0.05)
    assert rooms.dispatched == []
    file.close()
    await recovering
    assert rooms.known[-1] == "My name is Susan Clark."


async def test_job_of_the_call_that_lives_holds_nobody_up(
    log: CallLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_module, "SPOOL_S", 0.1)
    file = spooled(tmp_path, "Agent B's own words.")
    rooms = Reading(log, caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms, spool=tmp_path).recover(AGENT_A)
    assert len(rooms.dispatched) == 1
    assert "Agent B's own words." not in rooms.known
    file.remove()


async def test_log_that_goes_away_before_the_words_are_written_is_awaited(log: CallLog, tmp_path: Path) -> None:
    class Flickering:
        """Takes no turn at the first two tries."""

        refusals = 2

        events = staticmethod(log.events)

        def append(self, call_id: str, type: str, *args: Any, **named: Any) -> object:
            if type == "turn_spoken" and self.refusals:
                self.refusals -= 1
                raise LogUnavailableError("away")
            return log.append(call_id, type, *args, **named)

    spooled(tmp_path, "I was charged twice.").close()
    rooms = Reading(log, caller_1={"caller", "agent_a-1"})
    await recovery(Flickering(), rooms, spool=tmp_path).recover(AGENT_A)
    assert rooms.known[-1] == "I was charged twice."


async def test_recovery_whose_maker_dies_is_made_by_another(log: CallLog) -> None:
    waiting = FakeRooms(caller_1={"caller", "agent_a-1"})
    waiting.comes = lambda _: False
    dying = asyncio.create_task(recovery(log, waiting, "dying").recover(AGENT_A))
    await until(log, CallEvent.JOB_DIED)
    dying.cancel()
    rooms = FakeRooms(caller_1={"caller"})
    await recovery(log, rooms, "other", timeout_s=0.1).recover(AGENT_A)
    assert len(rooms.dispatched) == 1


async def test_room_whose_caller_nobody_comes_for_says_so_until_somebody_does(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    rooms.comes = lambda number: number == 4
    await recovery(log, rooms).recover(AGENT_A)
    assert (rooms.metadata[0], rooms.metadata[-1]) == (NOBODY_ANSWERS, "")
    assert len(rooms.dispatched) == 4


async def test_recovery_that_nobody_can_make_ends_the_call(log: CallLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_module, "MOST_TURNS", 2)
    rooms = Restarting(float("inf"), caller_1={"caller"})
    candidates = (recovery(log, rooms, by, timeout_s=0.05).recover(AGENT_A) for by in ("one", "two"))
    await asyncio.gather(*candidates)
    assert [one.payload["reason"] for one in told(log, CallEvent.CALL_ENDED)] == [recovery_module.NOT_RECOVERED]


async def test_agent_a_who_is_about_to_leave_is_no_replacement(log: CallLog) -> None:
    moved_to_agent_b(log)
    rooms = FakeRooms(final_1={"caller", AGENT_B.identity, "agent_a-1"})  # a caller who can't move: one room
    rooms.comes = lambda number: number == 2
    await recovery(log, rooms).recover(AGENT_B)
    assert len(rooms.dispatched) == 2


async def test_caller_who_is_away_finds_an_agent_a_when_back(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert [(one.replaces, one.caller_identity) for one in rooms.dispatched] == [("agent_a", "caller")]
    assert not told(log, CallEvent.CALL_ENDED)  # the new job awaits them


async def test_caller_who_is_away_from_agent_b_finds_an_agent_a_when_back(log: CallLog) -> None:
    moved_to_agent_b(log)
    rooms = FakeRooms(final_1={AGENT_B.identity})
    await recovery(log, rooms).recover(AGENT_B)
    assert [one.replaces for one in rooms.dispatched] == ["agent_b"]


async def test_call_without_a_worker_and_a_caller_ends_in_the_log_and_its_room_goes(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"agent_a-1"})
    rooms.comes = lambda _: False
    await recovery(log, rooms, lost_grace_s=0.2).recover(AGENT_A)
    assert [one.payload["reason"] for one in told(log, CallEvent.CALL_ENDED)] == [recovery_module.NOT_BACK]
    assert (len(rooms.dispatched) > 1, rooms.deleted) == (True, [ROOM])


async def test_caller_who_comes_and_goes_is_awaited_anew(log: CallLog) -> None:
    rooms = FakeRooms(caller_1={"agent_a-1"})

    def comes(number: int) -> bool:
        rooms.rooms["caller_1"] = {"caller"} if number % 2 else set()
        return number == 7

    rooms.comes = comes
    await recovery(log, rooms, lost_grace_s=0.2).recover(AGENT_A)
    assert not told(log, CallEvent.CALL_ENDED)


async def test_job_that_dies_before_the_caller_comes_is_followed_by_one_that_begins_the_call(tmp_path: Path) -> None:
    with CallLog(f"sqlite:///{tmp_path}/new.sqlite3") as log:
        rooms = FakeRooms(caller_1={"agent_a-1"})
        await recovery(log, rooms).recover(AGENT_A)
        assert [(one.replaces, one.call_id) for one in rooms.dispatched] == [(None, "call")]
        gone = FakeRooms()
        await recovery(log, gone).recover(replace(AGENT_A, identity="agent_a-2"))
        assert gone.dispatched == []  # a dispatch would make the room anew


async def test_ended_call_is_not_taken_up(log: CallLog) -> None:
    log.append("call", CallEvent.CALL_ENDED, {"reason": "the caller hung up"})
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert rooms.dispatched == []


async def test_agent_a_that_dies_after_the_move_is_not_replaced(log: CallLog) -> None:
    moved_to_agent_b(log)
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert rooms.dispatched == []


@pytest.mark.parametrize(("disposition", "deleted"), [("completed", ["consult-1"]), ("", [])])
async def test_consult_of_an_agent_a_that_dies_after_the_transfer_is_closed(
    log: CallLog, disposition: str, deleted: list[str]
) -> None:
    log.append("call", CallEvent.CONSULT_OPENED, {"transfer_id": "t", "consult_room": "consult-1"})
    moved_to_agent_b(log, disposition)
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"}, consult_1={"agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert rooms.deleted == deleted


async def test_agent_b_that_dies_before_the_move_is_only_removed(log: CallLog) -> None:
    moved_to_agent_b(log, disposition="target_left")
    rooms = FakeRooms(final_1={"caller", AGENT_B.identity}, consult_1={AGENT_B.identity, "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_B)
    assert rooms.dispatched == []
    assert rooms.rooms["consult_1"] == {"agent_a-1"}


async def test_agent_b_that_dies_with_the_caller_is_replaced_by_agent_a(log: CallLog) -> None:
    moved_to_agent_b(log)
    rooms = FakeRooms(final_1={"caller", AGENT_B.identity})
    await recovery(log, rooms).recover(AGENT_B)
    assert [(one.epoch, one.replaces) for one in rooms.dispatched] == [(3, "agent_b")]


async def test_agent_b_that_dies_in_the_move_waits_for_what_agent_a_makes_of_it(log: CallLog) -> None:
    moved_to_agent_b(log, disposition="")
    rooms = FakeRooms(final_1={"caller", AGENT_B.identity})
    recovering = asyncio.create_task(recovery(log, rooms).recover(AGENT_B))
    await asyncio.sleep(0.05)
    assert rooms.dispatched == []
    log.append("call", CallEvent.TRANSFER_ENDED, {"transfer_id": "t", "disposition": "completed", "reason": ""})
    await recovering
    assert len(rooms.dispatched) == 1


async def test_call_whose_jobs_keep_dying_is_ended(log: CallLog) -> None:
    log.append("call", CallEvent.JOB_STARTED, job("agent_a", "agent_a-1", recovery_module.MOST_EPOCHS + 1))
    rooms = FakeRooms(caller_1={"caller", "agent_a-1"})
    await recovery(log, rooms).recover(AGENT_A)
    assert (rooms.dispatched, rooms.deleted) == ([], [ROOM])
    assert told(log, CallEvent.CALL_ENDED)


async def test_attendant_that_dies_is_replaced_by_another_and_the_person_goes_on(log: CallLog) -> None:
    about = {"transfer_id": "t"}
    log.append("call", CallEvent.TRANSFER_REQUESTED, about | {"target": "billing"})
    log.append("call", CallEvent.JOB_STARTED, job("agent_b", AGENT_B.identity, 2))
    log.append("call", CallEvent.TARGET_ANSWERED, about | {"identity": "desk_billing-1"})
    log.append("call", CallEvent.MOVE_BEGUN, about | {"move": "client_move", "final_room": "final-1"})
    log.append("call", CallEvent.TRANSFER_ENDED, about | {"disposition": "completed", "reason": ""})
    rooms = FakeRooms(final_1={"caller", "desk_billing-1", AGENT_B.identity})
    await recovery(log, rooms).recover(AGENT_B)
    (heir,) = rooms.jobs
    assert isinstance(heir, AgentBJob)
    assert (heir.desk_identity, heir.is_replacing, heir.epoch) == ("desk_billing-1", True, 3)
    assert heir.identity != AGENT_B.identity
