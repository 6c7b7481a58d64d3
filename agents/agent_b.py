"""Agent B: an AI specialist who takes the call over, knowing what the briefing holds."""

from livekit.agents import Agent, StopResponse, function_tool

from agents.prompts import load_prompt
from agents.return_desk import ReturnDesk
from agents.roster import Roster, Specialist


class AgentB(Agent):
    """Speaks with the caller in the final room."""

    def __init__(self, specialist: Specialist, consult: str, *, desk: ReturnDesk, roster: Roster) -> None:
        super().__init__(instructions=_instructions(specialist, consult, roster))
        self._desk = desk
        self._specialist = specialist
        self._roster = roster

    async def learn(self, consult: str) -> None:
        """Know this of the caller from now on."""
        await self.update_instructions(_instructions(self._specialist, consult, self._roster))

    @function_tool(on_duplicate="reject")
    async def hand_back(self, reason: str) -> None:
        """Give the caller back to Alex, who spoke with them before you.

        Only when the caller asks to go back, or when the matter is neither yours nor a colleague's. Say nothing with
        it: the caller is told.

        Args:
            reason: Why the caller goes back: one short sentence without names or numbers.
        """
        self._desk.hand_back(reason)
        raise StopResponse  # what is said now is a fixed phrase

    @function_tool(on_duplicate="reject")
    async def transfer_on(self, skill: str, reason: str) -> None:
        """Have the caller connected with a colleague, when the caller has another matter that is a colleague's.

        Call it first: unless the caller asked for the colleague, its result tells you what to ask. After the caller
        agreed call it again. Say nothing with it: the caller is told.

        Args:
            skill: One of the skills of your colleagues, as your instructions list them.
            reason: Why the caller needs the colleague: one short sentence without names or numbers.
        """
        await self._desk.transfer_on(skill, reason)
        raise StopResponse


def _instructions(specialist: Specialist, consult: str, roster: Roster) -> str:
    return load_prompt(
        "agent_b",
        name=specialist.name,
        title=specialist.title,
        specialist=load_prompt(specialist.prompt),
        colleagues=roster.without(specialist.id).as_text() or "Nobody.",
        briefing=consult,
    )
