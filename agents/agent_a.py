"""Agent A: answers the call, finds out what it is about, and hands the caller over when needed."""

from collections.abc import Awaitable, Callable

from livekit.agents import Agent, ChatContext, RunContext, function_tool

from agents.on_hold import OnHold
from agents.prompts import load_prompt
from agents.roster import Roster
from agents.transfer_desk import TransferDesk


class AgentA(Agent):
    """The first voice that a caller hears."""

    def __init__(
        self,
        *,
        desk: TransferDesk,
        roster: Roster,
        begin: Callable[[], Awaitable[object]],
        make_on_hold: Callable[[], OnHold],
        chat_ctx: ChatContext | None = None,
    ) -> None:
        super().__init__(instructions=load_prompt("agent_a", roster=roster.as_text()), chat_ctx=chat_ctx)
        self._desk = desk
        self._begin = begin
        """Says the fixed phrase that opens the call, or that tells what happened to it."""
        self._make_on_hold = make_on_hold

    async def on_enter(self) -> None:
        """Speak first."""
        await self._begin()

    @function_tool(on_duplicate="reject")
    async def offer_transfer(self, skill: str, reason: str) -> str:
        """Prepare a transfer when the caller needs a specialist or asks for a person.

        Use it once you know the caller's name, their problem and, if it concerns their account, the account number.
        It does not connect anyone: it tells you what to ask the caller next.

        Args:
            skill: One of the skills listed in your instructions.
            reason: Why the caller needs the specialist: one short sentence without names or numbers.
        """
        return await self._desk.offer(skill, reason)

    @function_tool(on_duplicate="reject")
    async def transfer_call(self, context: RunContext[None]) -> OnHold:
        """Connect the caller with the specialist you offered.

        Only after the caller agreed, or when offer_transfer told you to. Say nothing more after it.
        """
        context.disallow_interruptions()  # an interrupted reply never hands over to OnHold
        await self._desk.request()
        return self._make_on_hold()

    @function_tool(on_duplicate="reject")
    async def take_message(self, message: str, callback_number: str = "") -> str:
        """Keep a message, or the wish to be called back, for the people of this company.

        Args:
            message: What the caller wants to be passed on, in the caller's own words.
            callback_number: The phone number to call back, if the caller gave one: digits only.
        """
        return self._desk.leave_message(message, callback_number)
