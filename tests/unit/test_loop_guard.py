import asyncio
from collections.abc import Sequence

import pytest
from livekit.agents import ToolError

from agents.return_desk import ReturnDesk, ReturnRequest
from agents.roster import load_roster
from tests.fakes import FakeConversation, nobody_at_a_desk
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.transfer.briefing import Speaker, Turn
from warm_transfer.transfer.loop_guard import LoopGuard

ROSTER = load_roster()


def turn(speaker: Speaker, text: str) -> Turn:
    return Turn(turn_id="t", speaker=speaker, text=text, at=0.0)


class WithBen:
    """Ben's desk, and what it sent."""

    def __init__(self, *said: str, guard: LoopGuard | None = None) -> None:
        self.conversation = FakeConversation([turn("caller", text) for text in said])
        self.sent: list[ReturnRequest] = []
        self.guard = guard or LoopGuard(most_transfers=4, completed=1, handed_back_by="billing")
        ben = ROSTER.get("billing")
        assert ben is not None
        self.desk = ReturnDesk(
            specialist=ben,
            roster=ROSTER,
            conversation=self.conversation,
            read_guard=self._read,
            is_free=nobody_at_a_desk,
            send=self.sent.append,
        )

    async def _read(self) -> LoopGuard:
        return self.guard

    def hears(self, text: str) -> None:
        said = turn("caller", text)
        self.conversation.say(said)
        self.desk.hear(said)

    def asks(self, text: str) -> None:
        self.conversation.say(turn("agent_b", text))

    async def refused(self, skill: str = "technical") -> str:
        with pytest.raises(ToolError) as refusal:
            await self.desk.transfer_on(skill, "Router.")
        assert self.sent == []
        return refusal.value.message


@pytest.mark.parametrize(
    ("completed", "handed_back_by", "allowed"),
    [
        (0, None, ("billing", "technical")),
        (3, None, ("billing", "technical")),
        (4, None, ()),
        (5, None, ()),
        (1, "billing", ("technical",)),
        (1, "technical", ("billing",)),
        (1, "general", ("billing", "technical")),
    ],
)
def test_guard_leaves_out_who_handed_back_and_ends_after_the_most_transfers(
    completed: int, handed_back_by: str | None, allowed: Sequence[str]
) -> None:
    guard = LoopGuard(most_transfers=4, completed=completed, handed_back_by=handed_back_by)
    assert guard.allowed(["billing", "technical"]) == allowed


async def test_caller_who_asked_for_the_colleague_is_transferred_on_at_once() -> None:
    ben = WithBen("Please connect me to technical support.")
    await ben.desk.transfer_on(" Technical ", " Router. ")
    assert ben.sent == [ReturnRequest(cause="asked", reason="Router.", skill="technical")]


async def test_caller_with_another_matter_is_asked_and_goes_on_a_yes() -> None:
    ben = WithBen("My router is broken.")
    assert "Tara" in await ben.refused()
    ben.asks("Shall I connect you with Tara?")
    ben.hears("Yes, please.")
    await ben.desk.transfer_on("technical", "Router.")
    assert [one.skill for one in ben.sent] == ["technical"]


@pytest.mark.parametrize("said", ["No, thank you.", "Yes, but not now.", "Who is that?"])
async def test_nobody_is_transferred_on_without_a_yes(said: str) -> None:
    ben = WithBen("My router is broken.")
    await ben.refused()
    ben.hears(said)
    assert "not agreed" in await ben.refused()


async def test_yes_to_something_else_is_no_consent_to_the_colleague() -> None:
    ben = WithBen("My router is broken.")
    ben.asks("Is the refund all right?")
    ben.hears("Yes, please.")
    assert "not agreed" in await ben.refused()


async def test_yes_after_a_no_is_to_something_else() -> None:
    ben = WithBen("My router is broken.")
    await ben.refused()
    ben.hears("No, thank you.")
    ben.asks("Can I do anything else for you?")
    ben.hears("Yes.")
    assert "not agreed" in await ben.refused()


async def test_yes_to_one_colleague_is_no_consent_to_another() -> None:
    ben = WithBen("My router is broken.")
    await ben.refused("technical")
    ben.hears("Yes, please.")
    assert "Gus" in await ben.refused("complaint")


@pytest.mark.parametrize("skill", ["sip:+15550100@example.org", "+15550100", "tara", "billing", "refund", ""])
async def test_only_a_skill_of_a_colleague_is_a_destination(skill: str) -> None:
    ben = WithBen("Please connect me to technical support.")
    assert "Skills: technical, internet, outage, person, complaint, general, supervisor." in await ben.refused(skill)


async def test_call_that_went_round_enough_goes_on_with_the_same_specialist() -> None:
    spent = LoopGuard(most_transfers=1, completed=1, handed_back_by="billing")
    ben = WithBen("Please connect me to technical support.", guard=spent)
    assert "message" in await ben.refused()


async def test_log_that_is_away_keeps_the_caller_where_they_are() -> None:
    ben = WithBen("Please connect me to technical support.")

    async def away() -> LoopGuard:
        await asyncio.sleep(0)
        raise LogUnavailableError("away")

    ben.desk._read_guard = away
    assert "yourself" in await ben.refused()


def test_hand_back_needs_no_yes() -> None:
    ben = WithBen()
    ben.desk.hand_back("The caller asked.")
    assert ben.sent == [ReturnRequest(cause="asked", reason="The caller asked.")]
