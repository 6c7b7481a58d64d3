"""Fakes that implement the coordinator's ports, and a clock that only the test moves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.roster import Specialist
from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.ports import OpenedRooms, Post
from warm_transfer.transfer.terms import Disposition, Move, Offer


class FakeClock:
    """Virtual time: a sleeper wakes when `advance` has passed its moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, wake))
        await wake

    async def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [wake for at, wake in self._sleepers if at <= self.now]
        self._sleepers = [(at, wake) for at, wake in self._sleepers if at > self.now]
        for wake in due:
            if not wake.done():
                wake.set_result(None)
        await settle()


async def settle() -> None:
    """Let everything that can run without time passing run."""
    for _ in range(50):
        await asyncio.sleep(0)


async def nobody_at_a_desk(specialist: Specialist) -> bool:
    return specialist.kind == "ai"


@dataclass
class FakeRooms:
    consult_room: str = "consult-1"
    final_room: str = "final-1"


@dataclass
class FakeWorld:
    """Caller line, target line and record in one, writing everything down in order."""

    did: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    records: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    """Exception to raise, by what is done."""
    blocks: dict[str, asyncio.Event] = field(default_factory=dict)
    """What to wait for before it is done, by what is done."""
    post: Post | None = None
    armed: FakeRooms | None = None
    """What was made ready and not undone."""

    async def _do(self, what: str) -> None:
        self.did.append(what)
        if what in self.blocks:
            await self.blocks[what].wait()
        if what in self.failures:
            raise self.failures[what]
        self.finished.append(what)

    async def hold(self) -> None:
        await self._do("hold")

    async def tell_waiting(self) -> None:
        await self._do("tell_waiting")

    async def take_back(self, disposition: Disposition) -> None:
        await self._do(f"take_back {disposition.value}")

    async def close_ears(self) -> None:
        await self._do("close_ears")

    async def part(self, move: Move) -> None:
        await self._do(f"part {move.value}")

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        self.post = post
        self.armed = FakeRooms(f"consult-{offer.transfer_id}", f"final-{offer.transfer_id}")
        note_rooms(self.armed)
        await self._do(f"arm {offer.target}")

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        self.post = post
        armed, self.armed = self.armed, None
        note_rooms(armed or FakeRooms())
        await self._do(f"open {offer.target}")

    async def brief(self, briefing: Briefing) -> None:
        self.briefing = briefing
        await self._do("brief")

    async def answer(self, text: str) -> None:
        self.answers.append(text)
        await self._do("answer")

    async def move_caller(self, move: Move) -> None:
        await self._do(f"move {move.value}")

    async def dismiss(self, disposition: Disposition) -> None:
        self.armed = None
        await self._do(f"dismiss {disposition.value}")

    async def close(self) -> None:
        await self._do("close")

    def record(self, event_type: str, payload: Mapping[str, Any]) -> None:
        self.records.append((str(event_type), payload))


class FakeConversation:
    """Turns and answers that the test sets."""

    def __init__(self, turns: Sequence[Turn] = (), lookup: Callable[[str], Awaitable[str]] | None = None) -> None:
        self._turns = list(turns)
        self._lookup = lookup

    def turns(self) -> Sequence[Turn]:
        return tuple(self._turns)

    def say(self, turn: Turn) -> None:
        self._turns.append(turn)

    async def answer(self, question: str) -> str:
        return await self._lookup(question) if self._lookup else f"about {question}: yesterday"
