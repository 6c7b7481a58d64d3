"""Which process is killed in which state: the cells of the matrix, from the coordinator's own states."""

from dataclasses import dataclass
from enum import Enum

from warm_transfer.transfer.terms import State


class Kill(Enum):
    """What is killed with SIGKILL; the server is started again at once, whatever else dies stays dead."""

    AGENT_A = "agent A's job"
    AGENT_B = "agent B's job"
    WORKER = "worker"
    WATCHER = "watcher"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kill in one state of a transfer."""

    state: State
    kill: Kill

    def __str__(self) -> str:
        return f"{self.kill.value} while {_NAMES[self.state]}"


_NAMES = {state: state.value for state in State} | {State.ENDED: "with agent B"}
_WITHOUT_AGENT_A = {State.ENDED}
_WITHOUT_AGENT_B = {State.TALKING, State.OFFERED, State.RINGING}
"""Nobody has answered yet: a job that is still starting is no job of the call."""


def cells() -> list[Cell]:
    """Every cell in which there is something to kill."""
    return [
        Cell(state=state, kill=kill)
        for kill in Kill
        for state in State
        if not (kill is Kill.AGENT_A and state in _WITHOUT_AGENT_A)
        and not (kill is Kill.AGENT_B and state in _WITHOUT_AGENT_B)
    ]


VOICE_WITHIN_S = {Kill.AGENT_A: 2.0, Kill.AGENT_B: 2.0, Kill.WORKER: 5.0, Kill.SERVER: 8.0}
"""The promise, p95, from the death to a voice at the caller's ear. Nobody hears a watcher die."""
