"""Agent B in the caller's own room, whose Agent A goes away while the caller is being connected."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agents.consult_inbox import NotNeededError
from agents.final_room_job import FinalRoomJob
from agents.roster import load_roster
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import HAS_CALLER_ATTRIBUTE, AgentBJob, Dismiss

JOB = AgentBJob(
    call_id="call",
    epoch=2,
    transfer_id="x1",
    specialist="billing",
    identity="agent_b_billing-x1",
    agent_a_identity="agent_a-1",
    caller_identity="caller",
    consult_room="consult",
    move=Move.JOIN_CALLER_ROOM,
    consult_mode="text",
)


class Site:
    """Stands for the house, the job's context, its rooms and the consult link."""

    def __init__(self, *people: str, move: Move = Move.JOIN_CALLER_ROOM, has_consult: bool = True) -> None:
        self.roster = load_roster()
        self.settings = SimpleNamespace(rpc_timeout_s=1.0)
        self.room = self
        self.name = "caller-1"
        self.remote_participants = dict.fromkeys(people)
        self.local_participant = self
        self._has_consult = has_consult
        self.did: list[str] = []
        me = cast(Any, self)
        self.agent_b = FinalRoomJob(me, JOB.model_copy(update={"move": move}), me, asyncio.Event())

    def models(self, _: object) -> None:
        return None

    async def send(self, message: object) -> None:
        if not self._has_consult:
            raise TargetUnavailableError("the consult room is gone")
        self.did.append(type(message).__name__)

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        self.did.append(str(attributes))

    async def delete(self, name: str) -> None:
        self.did.append(f"delete {name}")

    async def disconnect(self) -> None:
        self.did.append("leave")

    def connect(self) -> None:
        self.agent_b._is_connected = True

    async def is_dismissed(self, message: Dismiss | None = None) -> bool:
        """Whether this message, or the end of the consult, ends the job."""
        self.agent_b._inbox.put(message)
        try:
            async with asyncio.timeout(0.05):
                await self.agent_b._inbox.wait_for_dismissal()
        except NotNeededError:
            return True
        except TimeoutError:
            return False

    async def take_over(self) -> None:
        await self.agent_b._take_over(cast(Any, self))

    async def close(self) -> list[str]:
        self.did.clear()
        await self.agent_b._close_rooms(cast(Any, self))
        return self.did


async def test_agent_b_who_is_told_to_speak_goes_on_though_agent_a_dies() -> None:
    site = Site("caller")
    site.connect()
    assert not await site.is_dismissed()


async def test_agent_b_whose_agent_a_lives_leaves_with_the_consult() -> None:
    site = Site("caller", "agent_a-1")
    site.connect()
    assert await site.is_dismissed()


async def test_agent_b_who_was_not_told_to_speak_leaves_when_agent_a_dies() -> None:
    assert await Site("caller").is_dismissed()


async def test_agent_b_who_is_dismissed_leaves_whoever_is_there() -> None:
    site = Site("caller")
    site.connect()
    assert await site.is_dismissed(Dismiss(disposition="cancelled", text=""))


async def test_room_can_see_that_agent_b_has_the_caller() -> None:
    site = Site("caller", "agent_a-1")
    await site.take_over()
    assert sorted(site.did) == ["Arrived", str({HAS_CALLER_ATTRIBUTE: "1"})]


@pytest.mark.parametrize("move", [Move.JOIN_CALLER_ROOM, Move.CLIENT_MOVE])
async def test_caller_stays_agent_bs_when_a_dead_agent_a_can_not_be_told(move: Move) -> None:
    site = Site("caller", move=move, has_consult=False)
    await site.take_over()
    assert await site.close() == [f"delete {site.name}"]  # at the end of the call


async def test_caller_is_left_to_an_agent_a_who_lives_and_can_not_be_told() -> None:
    site = Site("caller", "agent_a-1", has_consult=False)
    with pytest.raises(TargetUnavailableError):
        await site.take_over()
    assert await site.close() == ["delete consult"]


@pytest.mark.parametrize("has_caller", [True, False])
async def test_agent_b_who_is_shown_out_leaves_the_room_to_the_others(has_caller: bool) -> None:
    site = Site("caller", "agent_a-2")
    site.connect()
    if has_caller:
        await site.take_over()
    site.agent_b._note_disconnect(rtc.DisconnectReason.PARTICIPANT_REMOVED)
    assert await site.is_dismissed()
    assert await site.close() == ["leave"]


async def test_end_of_the_room_is_no_showing_out() -> None:
    site = Site("caller")
    await site.take_over()
    site.agent_b._note_disconnect(rtc.DisconnectReason.ROOM_DELETED)
    assert await site.close() == [f"delete {site.name}"]
