"""What Agent B is told of a call before taking it over."""

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["caller", "agent_a", "agent_b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One finished utterance of a call, as transcribed (caller) or as spoken (agents)."""

    turn_id: str
    """Unique within the call and in order of speech: "t1", "t2", ..."""
    speaker: Speaker
    text: str
    at: float
    """End of the utterance, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something the caller said that Agent B should not have to ask for again."""

    kind: str
    """Snake case: "caller_name", "account_number", ..."""
    value: str
    """As a person would write it: "Maria Lopez", "445566"."""
    turn_id: str
    """The turn it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """Who calls, why, what was tried, what is asked, and the facts, each with its turn."""

    caller_name: str | None
    reason: str
    """Why the caller is transferred: one sentence without a name or number."""
    tried: tuple[str, ...]
    """What was already tried, in the caller's words."""
    asked: str
    """What the caller wants done, in the caller's words."""
    facts: tuple[Fact, ...]

    def fact(self, kind: str) -> Fact | None:
        """The fact of that kind, None if the caller did not give it."""
        return next((fact for fact in self.facts if fact.kind == kind), None)
