"""What Agent B's tools can do to a call: give it back to Agent A, or on to another specialist by way of Agent A."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from livekit.agents import ToolError

from agents.roster import Roster, Specialist
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import Conversation
from warm_transfer.transfer.understanding.consent import caller_asked_for_transfer, has_consent, refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRequest:
    """The caller is to be with Agent A again."""

    cause: Literal["asked", "failed", "drained"]
    """"failed" if Agent B's session gave up, "drained" if its worker ends."""
    reason: str
    skill: str | None = None
    """What Agent A is to connect the caller with at once; a skill of the roster to which the caller agreed."""
    command_id: str | None = None
    """Of the control API's command that asked, None if Agent B's own tool did."""


class ReturnDesk:
    """Checks in code what Agent B's model asks for: the skill is on the roster, and the caller has agreed."""

    def __init__(
        self,
        *,
        specialist: Specialist,
        roster: Roster,
        conversation: Conversation,
        read_guard: Callable[[], Awaitable[LoopGuard]],
        is_free: Callable[[Specialist], Awaitable[bool]],
        send: Callable[[ReturnRequest], None],
    ) -> None:
        """`conversation` holds the turns with this Agent B alone; `read_guard` may raise LogUnavailableError."""
        self._specialist = specialist
        self._roster = roster
        self._conversation = conversation
        self._read_guard = read_guard
        self._is_free = is_free
        self._send = send
        self._offered: str | None = None
        """The skill that the caller was to be asked about."""
        self._turns_at_offer = 0

    def hand_back(self, reason: str) -> None:
        """Give the caller back to Agent A."""
        self._send(ReturnRequest(cause="asked", reason=reason.strip()))

    async def transfer_on(self, skill: str, reason: str) -> None:
        """Have the caller connected with a colleague who has this skill.

        Raises:
            ToolError: nobody has it, the call has gone round enough, or the caller has not agreed; says what to do.
        """
        colleagues = [one for one in self._roster.for_skill(skill) if one.id != self._specialist.id]
        if not colleagues:
            skills = ", ".join(self._roster.without(self._specialist.id).skills)
            raise ToolError(f"No colleague has the skill {skill!r}. Skills: {skills}.")
        await self._refuse_loop(colleagues)
        free = [one for one in colleagues if await self._is_free(one)]
        if not free:
            raise ToolError("No colleague for that is free now. Say so, and that our back office calls back.")
        wanted = skill.strip().lower()
        if not self._has_agreed(wanted):
            self._offered, self._turns_at_offer = wanted, len(self._conversation.turns())
            first = free[0]
            raise ToolError(
                f"The caller has not agreed. Ask in one question whether you may connect them with {first.name}, "
                f"our {first.title}, and call transfer_on again after they agree."
            )
        self._offered = None
        self._send(ReturnRequest(cause="asked", reason=reason.strip(), skill=wanted))

    def hear(self, turn: Turn) -> None:
        """A caller's turn: a "no" withdraws what the caller was asked."""
        if refuses(turn.text):
            self._offered = None

    def _has_agreed(self, skill: str) -> bool:
        turns = self._conversation.turns()
        if self._offered != skill:
            return caller_asked_for_transfer(turns)
        return has_consent(turns[self._turns_at_offer :]) or caller_asked_for_transfer(turns)

    async def _refuse_loop(self, colleagues: list[Specialist]) -> None:
        try:
            guard = await self._read_guard()
        except LogUnavailableError as error:
            raise ToolError("Nobody can be reached now. Go on helping the caller yourself.") from error
        if not guard.allowed([one.id for one in colleagues]):
            raise ToolError(
                "This call can't be transferred any more. Say so, and that our back office calls back with a message."
            )
