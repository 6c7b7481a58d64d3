"""Agent B: an AI specialist who takes the call over, knowing what the briefing holds."""

from livekit.agents import Agent

from agents.prompts import load_prompt
from agents.roster import Specialist


class AgentB(Agent):
    """Speaks with the caller in the final room."""

    def __init__(self, specialist: Specialist, consult: str) -> None:
        super().__init__(
            instructions=load_prompt(
                "agent_b",
                name=specialist.name,
                title=specialist.title,
                specialist=load_prompt(specialist.prompt),
                briefing=consult,
            )
        )
