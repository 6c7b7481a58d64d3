"""Which process is killed in which state: the cells of the matrix, from the coordinator's own states."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from warm_transfer.transfer.terms import State


class Kill(Enum):
    """What is killed with SIGKILL.

    The server is started again at once, a worker or watcher once the caller hears a voice; a job is dead.
    """

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
    can_move: bool = True
    """Whether the caller's client moves; if not, Agent B comes to the caller's room."""

    def __str__(self) -> str:
        return f"{self.kill.value} while {_NAMES[self.state]}{'' if self.can_move else _JOINED}"


_JOINED = " in the caller's own room"
_NAMES = {state: state.value for state in State} | {State.ENDED: "with agent B"}
_WITHOUT_AGENT_A = {State.ENDED}
_WITHOUT_AGENT_B = {State.TALKING, State.OFFERED, State.RINGING}
"""Nobody has answered yet: a job that is still starting is no job of the call."""

_IN_CALLERS_ROOM = {
    Kill.AGENT_A: (State.CONSULTING, State.MOVING),
    Kill.AGENT_B: (State.CONSULTING, State.MOVING, State.ENDED),
}
"""Where both jobs are in the caller's room, so that a death leaves the other one there."""

KINDS: dict[str, tuple[Kill, ...]] = {
    "job": (Kill.AGENT_A, Kill.AGENT_B),
    "worker": (Kill.WORKER,),
    "server": (Kill.SERVER,),
}
"""The deaths whose times are promised."""
VOICE_WITHIN_S = {"job": 2.0, "worker": 5.0, "server": 8.0}
"""The promise, p95, from the death to a voice at the caller's ear. Nobody hears a watcher die."""
RUNS_EACH = 30
"""Of each kind of death, over all its states, in a full run."""


def cells() -> list[Cell]:
    """Every cell in which there is something to kill; those of one kill in the order in which a call comes by them."""
    joined = [
        Cell(state=state, kill=kill, can_move=False) for kill, states in _IN_CALLERS_ROOM.items() for state in states
    ]
    moved = [
        Cell(state=state, kill=kill)
        for kill in Kill
        for state in State
        if not (kill is Kill.AGENT_A and state in _WITHOUT_AGENT_A)
        and not (kill is Kill.AGENT_B and state in _WITHOUT_AGENT_B)
    ]
    return moved + joined


def plan(chosen: Sequence[Cell], *, runs_each: int) -> list[list[Cell]]:
    """The kills of each call: one call goes through all states in which one thing is killed, and survives them all.

    Each cell once, and each kind of death that is promised a time at least `runs_each` times. Calls in which a job
    dies come first, those in which what all calls share dies last.
    """
    calls = []
    for kills in KINDS.values():
        journeys = [
            [cell for cell in chosen if cell.kill is kill and cell.can_move is can_move]
            for kill in kills
            for can_move in (True, False)
        ]
        in_round = sum(map(len, journeys))
        rounds = max(1, -(-runs_each // in_round)) if in_round else 0
        calls += [journey for journey in journeys if journey] * rounds
    return calls


def unheard(chosen: Sequence[Cell]) -> list[Cell]:
    """The kills of the watcher, all in one call: nobody hears them, and no other call needs it unless a worker dies."""
    return [cell for cell in chosen if cell.kill is Kill.WATCHER]
