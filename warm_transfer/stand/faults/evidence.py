"""What a fault other than a kill left to judge: when it struck, what the caller should hear, and what did not hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.transfer.terms import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One cell beside the kills: something that goes wrong, in the state where it bites."""

    name: str
    state: State

    def __str__(self) -> str:
        return f"{self.name} {'with agent B' if self.state is State.ENDED else f'while {self.state.value}'}"


class UnmetError(Exception):
    """Something did not hold, in words for the table."""


@dataclass(slots=True, kw_only=True)
class Strike:
    """One time that a fault struck."""

    fault: Fault
    at_s: float
    """Its place in the recording."""
    struck_at: float
    """The same moment, in seconds since the epoch."""
    load: float
    """The machine's load average at that time."""
    texts: tuple[str, ...]
    """Of which the caller should hear one; none: anything that agents said."""
    within_s: float
    """0 where nobody is to hear anything."""
    failures: list[str] = field(default_factory=list)
    """What did not hold, as far as the rooms and the log tell."""
    said: tuple[str, ...] = ()
    """All that agents said in the whole call, by its log."""
    heard: tuple[Utterance, ...] = ()
    """All that the caller heard of it."""
    left_over: tuple[str, ...] = ()
    facts_lost: int = 0
    """From then to the next strike, of what the caller had told."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note what does not hold within, and go on: the next fault of the same call may hold."""
        try:
            yield
        except (TimeoutError, UnmetError) as error:
            self.failures.append(str(error) or "waited in vain")
