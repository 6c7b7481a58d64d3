"""What the coordinator talks to in a soak run: a caller, targets and rooms that behave as LiveKit's do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warm_transfer.stand.soak.plan import TargetPlan
from warm_transfer.stand.soak.sim_target import SimTarget, now_s
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.errors import MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.ports import OpenedRooms, Post
from warm_transfer.transfer.terms import Disposition, Move, Offer

CALLER_ROOM = "caller"
HOLD_PHRASE_S = 2.5
REQUEST_S = 0.05
"""One request to the server."""
REJOIN_GRACE_S = 5.0
HEARD_S = 0.3
"""From the caller's arrival in the final room until it leaves the caller room: Agent B speaks then."""
CUT_OFF_S = 1.0
TARGET_WAITS_S = 10.0
"""Twice MOVE_TIMEOUT_S, as Agent B waits for the caller."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log."""

    at_s: float
    kind: str
    payload: Mapping[str, Any]


class NothingSaid:
    """A conversation without words."""

    def turns(self) -> Sequence[Turn]:
        """Nothing."""
        return ()

    async def answer(self, question: str) -> str:
        """Answer that it was not said."""
        await asyncio.sleep(REQUEST_S)
        return "The caller didn't say."


class World:
    """Implements CallerLine, TargetLine and Record; remembers what went wrong."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.rooms = {CALLER_ROOM}
        self.caller_rooms = {CALLER_ROOM}
        self.has_hung_up = False
        self.plays_music = False
        self.is_unheard = False
        """The caller was left in silence for too long."""
        self.agent_a_speaks = True
        """Agent A has the caller's ear, not OnHold."""
        self.targets: list[SimTarget] = []
        self.records: list[Logged] = []
        self.told_at = 0.0
        """When the held caller last heard how it stands."""
        self.double_connected = 0
        self.hold_left = 0
        self.caller_gone = asyncio.Event()
        self.taken_back = asyncio.Event()
        self.post_of_call: Post = lambda _: None
        self._plans: list[TargetPlan] = []
        self._tasks = tasks
        self._open: SimTarget | None = None
        self._numbers = iter(range(1, 1_000_000))

    # What the run does.

    def expect(self, plans: Sequence[TargetPlan]) -> None:
        """Say how the targets of the next transfer behave, in the order of the offer."""
        self._plans = list(plans)

    def hang_up(self) -> None:
        """Let the caller leave every room."""
        self.has_hung_up = True
        was_in_caller_room = CALLER_ROOM in self.caller_rooms
        self.caller_rooms.clear()
        self.caller_gone.set()
        if was_in_caller_room:
            self.caller_ends(Disposition.CALLER_LEFT)
            self.post_of_call(events.CallerLeft("hung up"))

    def caller_ends(self, disposition: Disposition) -> None:
        """Note that the caller ends whatever is under way."""
        for target in self.targets[-1:]:
            target.ends(disposition)

    def delete(self, room: str) -> None:
        """Delete a room; who is in it is out of it."""
        self.rooms.discard(room)
        self.caller_rooms.discard(room)
        if not self.caller_rooms:
            self.caller_gone.set()
        for target in self.targets:
            if room in (target.consult_room, target.final_room) and not (target.has_caller and room.startswith("cons")):
                target.gone.set()

    @property
    def with_caller(self) -> list[SimTarget]:
        """The targets that speak with the caller."""
        return [one for one in self.targets if one.has_caller and one.final_room in self.caller_rooms]

    @property
    def is_quiet(self) -> bool:
        """Whether the caller is there and hears nobody and nothing."""
        return bool(self.caller_rooms) and not (self.plays_music or self.agent_a_speaks or self.with_caller)

    # CallerLine

    async def hold(self) -> None:
        """Music at once, under the phrase."""
        self.plays_music = True
        self.told_at = now_s()
        await asyncio.sleep(HOLD_PHRASE_S)
        self.told_at = now_s()

    async def tell_waiting(self) -> None:
        """A phrase of Agent A's voice, which only a held caller may hear."""
        await asyncio.sleep(HOLD_PHRASE_S)
        self.told_at = now_s()
        self.double_connected += bool(self.with_caller)

    async def take_back(self, disposition: Disposition) -> None:
        """Agent A has the caller again."""
        self.plays_music = False
        self.agent_a_speaks = True
        self.taken_back.set()
        self._tasks.create_task(self._check_alone())

    async def close_ears(self) -> None:
        """Hear the caller no more."""

    async def part(self, move: Move) -> None:
        """Music until the target is heard."""
        await asyncio.sleep(HEARD_S)
        self.plays_music = False

    # TargetLine

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """As `open`, for a target that then waits for the caller's consent."""
        if self._plans[0].arming == "not_armable" or not move.has_final_room:
            return
        target = await self._prepare(self._plans[0], offer, move, post, note_rooms)
        if target.plan.arming == "fails":
            raise TargetUnavailableError("no server")
        target.is_ready = True
        self._tasks.create_task(self._live(target))

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Take over what is ready for this offer, or make the rooms and call the target, if it can be reached."""
        plan, opened = self._plans.pop(0), self._open
        if opened is not None and opened.is_ready and opened.offer == offer:
            opened.post = post
            note_rooms(opened)
            opened.consented.set()
            return
        if opened is not None:
            await self.dismiss(Disposition.NONE)
        target = await self._prepare(plan, offer, move, post, note_rooms)
        if not plan.is_reachable:
            target.ends(Disposition.UNAVAILABLE)
            raise TargetUnavailableError("no server")
        target.consented.set()
        self._tasks.create_task(self._live(target))

    async def _prepare(
        self, plan: TargetPlan, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]
    ) -> SimTarget:
        number = next(self._numbers)
        target = SimTarget(
            plan=plan,
            offer=offer,
            consult_room=f"consult-{number}",
            final_room=f"final-{number}" if move.has_final_room else CALLER_ROOM,
            post=post,
        )
        self._open = target
        note_rooms(target)
        self.targets.append(target)
        await asyncio.sleep(target.plan.open_s / 2)
        self.rooms |= {target.consult_room, target.final_room}
        await asyncio.sleep(target.plan.open_s / 2)
        return target

    async def brief(self, briefing: Briefing) -> None:
        """Send the briefing."""
        await asyncio.sleep(REQUEST_S)
        target = self._current()
        if not target.plan.takes_briefing:
            target.ends(Disposition.UNAVAILABLE)
            raise TargetUnavailableError("the consult room is gone")
        target.briefed.set()

    async def answer(self, text: str) -> None:
        """Send the answer."""
        await asyncio.sleep(REQUEST_S)
        self._current().asked_at = None
        self._current().answered.set()

    async def move_caller(self, move: Move) -> None:
        """Order the move; what becomes of it is in the plan."""
        await asyncio.sleep(REQUEST_S)
        target = self._current()
        if target.plan.move == "refused" and move.has_final_room:
            target.ends(Disposition.MOVE_FAILED)
            raise MoveRefusedError("client or server refused to move the caller")
        if target.plan.move == "unreachable":
            target.ends(Disposition.MOVE_FAILED)
            raise TargetUnavailableError("no server")
        self._tasks.create_task(self._move(target, move))

    async def dismiss(self, disposition: Disposition) -> None:
        """Tell the target, then delete what was opened."""
        target = self._open
        await asyncio.sleep(REQUEST_S)
        if target is not None:
            target.gone.set()
        await self.close()
        await asyncio.sleep(REQUEST_S)
        if target is not None and target.final_room != CALLER_ROOM:
            self.delete(target.final_room)

    async def close(self) -> None:
        """Delete the consult room."""
        target, self._open = self._open, None
        await asyncio.sleep(REQUEST_S)
        if target is not None:
            self.delete(target.consult_room)

    # Record

    def record(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Keep what was logged."""
        self.records.append(Logged(now_s(), str(event_type), payload))

    # How targets and the caller's client behave

    def _current(self) -> SimTarget:
        if self._open is None:
            raise TargetUnavailableError("no consult is open")
        return self._open

    async def _live(self, target: SimTarget) -> None:
        target.is_over = False
        consulting = asyncio.create_task(target.consult(self._take_caller))
        dismissed = asyncio.create_task(target.gone.wait())
        await asyncio.wait({consulting, dismissed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (consulting, dismissed):
            task.cancel()
        await asyncio.gather(consulting, dismissed, return_exceptions=True)
        ours = [] if target.has_caller else [target.consult_room]
        target.has_caller = False
        await asyncio.sleep(REQUEST_S)
        for room in (*ours, target.final_room):
            if room != CALLER_ROOM:
                self.delete(room)
        target.is_over = True

    async def _take_caller(self, target: SimTarget) -> None:
        if target.plan.move == "target_leaves":
            await asyncio.sleep(target.plan.move_s)
            target.tell(events.TargetLeft())
            return
        async with asyncio.timeout(TARGET_WAITS_S):
            await target.caller_heard.wait()
        target.has_caller = True
        self._tasks.create_task(self._check_alone())
        await asyncio.sleep(target.plan.proof_s)
        target.tell(events.CallerMoved())
        await self.caller_gone.wait()

    async def _check_alone(self) -> None:
        """A second voice is cut off within a moment, and so is the music when Agent A is back."""
        await asyncio.sleep(CUT_OFF_S)
        self.hold_left += self.agent_a_speaks and self.plays_music
        if self._voices() > 1:  # one of them may only just have begun
            await asyncio.sleep(CUT_OFF_S)
            self.double_connected += self._voices() > 1

    def _voices(self) -> int:
        return len(self.with_caller) + (self.agent_a_speaks and CALLER_ROOM in self.caller_rooms)

    async def _move(self, target: SimTarget, move: Move) -> None:
        plan = target.plan
        if plan.move in ("never", "target_leaves"):
            return
        await asyncio.sleep(plan.move_s + (TARGET_WAITS_S if plan.move == "late" else 0.0))
        if plan.move == "hang_up":
            self.hang_up()
        if self.caller_gone.is_set() or target.final_room not in self.rooms or target.gone.is_set():
            return
        self.caller_rooms.add(target.final_room)
        target.caller_heard.set()
        if move.has_final_room:
            if move is Move.CLIENT_MOVE:  # in both rooms, while its client listens for the target
                await asyncio.sleep(HEARD_S)
            if target.final_room in self.caller_rooms:  # else it stays
                self.caller_rooms.discard(CALLER_ROOM)
                self.post_of_call(events.CallerAway())
                await asyncio.sleep(REJOIN_GRACE_S)
                self.caller_ends(Disposition.CALLER_LEFT)
                self.post_of_call(events.CallerLeft("did not come back"))
