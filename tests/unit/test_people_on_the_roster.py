"""A person on the roster is offered while at the desk, and called in a person's way."""

from pathlib import Path
from typing import Any

import pytest
from livekit.agents import ToolError

from agents.roster import Roster, Specialist, load_roster
from agents.roster_line import RosterLine
from agents.transfer_desk import TransferDesk
from tests.fakes import FakeConversation, FakeWorld
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.errors import SettingsError, TargetUnavailableError
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.terms import Disposition, Move, Offer

PERSON = """
[[specialist]]
id = "dana"
kind = "human"
name = "Dana"
title = "team lead"
skills = ["supervisor", "billing"]
"""
DANA = Specialist(id="dana", kind="human", name="Dana", title="team lead", skills=("billing",))
BEN = Specialist(id="ben", name="Ben", title="billing specialist", skills=("billing",))


def roster_of(folder: Path, text: str) -> Roster:
    path = folder / "roster.toml"
    path.write_text(text)
    return load_roster(path)


def test_person_needs_a_name_a_title_and_skills_alone(tmp_path: Path) -> None:
    (dana,) = roster_of(tmp_path, PERSON).specialists
    assert (dana.kind, dana.skills) == ("human", ("supervisor", "billing"))
    assert roster_of(tmp_path, PERSON).models == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [(PERSON.replace('"human"', '"robot"'), "`kind`"), (f'{PERSON}prompt = "x"', "unknown key: prompt")],
)
def test_person_with_anything_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        roster_of(tmp_path, text)


async def offered(*free: str) -> list[str]:
    """Who would be called, in order, if these are there."""
    world = FakeWorld()
    ports = Ports(caller=world, target=world, conversation=FakeConversation(), record=world.record)
    coordinator = Coordinator(ports=ports, deadlines={})

    async def is_free(specialist: Specialist) -> bool:
        return specialist.id in free

    desk = TransferDesk(
        coordinator=coordinator,
        conversation=FakeConversation(),
        roster=Roster(specialists=(DANA, BEN)),
        choose_move=lambda: Move.CLIENT_MOVE,
        record=world.record,
        guard=LoopGuard(most_transfers=4),
        is_free=is_free,
    )
    return [one.id for one in await desk._specialists("billing")]


async def test_who_is_not_at_the_desk_is_not_offered() -> None:
    assert await offered("ben") == ["ben"]
    assert await offered("ben", "dana") == ["dana", "ben"]
    with pytest.raises(ToolError, match="message"):
        await offered()


async def test_each_target_is_called_in_its_own_way() -> None:
    models, people = FakeWorld(), FakeWorld()
    line = RosterLine(Roster(specialists=(DANA, BEN)), models=models, people=people)
    offer = Offer(transfer_id="t", target="dana", others=("ben",), skill="billing", reason="")
    await line.open(offer, Move.CLIENT_MOVE, lambda _: None, lambda _: None)
    await line.dismiss(Disposition.DECLINED)
    await line.open(offer.next(), Move.CLIENT_MOVE, lambda _: None, lambda _: None)
    await line.move_caller(Move.CLIENT_MOVE)
    assert people.did == ["open dana", "dismiss declined"]
    assert models.did == ["open ben", "move client_move"]


async def test_nobody_called_is_nobody_to_dismiss() -> None:
    line = RosterLine(Roster(specialists=()), models=FakeWorld(), people=FakeWorld())
    await line.dismiss(Disposition.CALLER_LEFT)
    await line.close()
    with pytest.raises(TargetUnavailableError):
        await line.move_caller(Move.CLIENT_MOVE)


def test_commands_go_to_agent_a_until_the_caller_is_with_agent_b_and_then_to_that_job(tmp_path: Path) -> None:
    log = CallLog(f"sqlite:///{tmp_path}/calls.sqlite3")

    def owner() -> str | None:
        found = read_call(log, "call").owner
        return found.identity if found else None

    def job(role: str, identity: str, epoch: int) -> dict[str, Any]:
        return {"role": role, "identity": identity, "room": "r", "pid": 1, "epoch": epoch}

    log.append("call", CallEvent.JOB_STARTED, job("agent_a", "a1", 1))
    log.append("call", CallEvent.TRANSFER_REQUESTED, {"transfer_id": "t", "target": "dana"})
    log.append("call", CallEvent.JOB_STARTED, job("agent_b", "b1", 2))
    assert owner() == "a1"
    log.append("call", CallEvent.TRANSFER_ENDED, {"transfer_id": "t", "disposition": "completed", "reason": ""})
    assert owner() == "b1"
    log.append("call", CallEvent.JOB_STARTED, job("agent_a", "a2", 3))
    assert owner() == "a2"
    log.append("call", CallEvent.CALL_ENDED, {"reason": "over"})
    assert owner() is None
