"""A call that Agent A takes over from another job: what the log tells of it, and how it goes on."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession

from agents.caller_owner import has_agent_b
from agents.caller_presence import LEFT_ROOM, GraceTimes
from agents.phrase_book import PhraseBook
from agents.roster import Roster
from agents.transfer_desk import TransferDesk
from warm_transfer.calls.epochs import claim_epoch
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call_unmasked
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.snapshots import Absence, CallSnapshot, HandedBack, TransferSnapshot
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.errors import CallOverError, TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import Record
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import AgentAJob

logger = logging.getLogger(__name__)

POLL_S = 0.1
PREDECESSOR_S = 10.0
"""For Agent B's last words, 3 s; longer than it takes on itself for them."""
LEAST_GRACE_S = 1.0
"""For our own connection to tell that the caller is there: at once, on an idle machine."""
_DIED = "Agent A's process died"


class TakenOverCall:
    """What was said and agreed in a call before this job."""

    def __init__(self, job: AgentAJob, past: CallSnapshot) -> None:
        self._replaces = job.replaces
        self._epoch = job.epoch
        self.past = past

    @classmethod
    async def claim(cls, job: AgentAJob, log: CallLog, *, identity: str, room: str, pid: int) -> "TakenOverCall | None":
        """Read the call and become its job of this epoch; None if another job is, or the call is over.

        Raises:
            LogUnavailableError: nobody can tell; who dispatched us tries again.
        """
        call_id = job.call_id or ""
        is_ours = await asyncio.to_thread(
            claim_epoch, log, call_id, job.epoch, role="agent_a", identity=identity, room=room, pid=pid
        )
        past = await asyncio.to_thread(read_call_unmasked, log, call_id)
        is_live = past.last_epoch == job.epoch and past.ended_at is None
        return cls(job, past) if is_ours and is_live else None

    def guard(self, most_transfers: int) -> LoopGuard:
        """What the transfers so far allow."""
        completed = Disposition.COMPLETED.value
        last = next((one for one in reversed(self.past.transfers) if one.disposition == completed), None)
        is_asked = last is not None and last.hand_back is not None and last.hand_back.cause == "asked"
        return LoopGuard(
            most_transfers=most_transfers,
            completed=self.past.completed_transfers,
            handed_back_by=last.target if last is not None and is_asked else None,
        )

    @property
    def first_turn(self) -> int:
        """Of those with Agent A since the caller came back from an Agent B: an earlier yes was to something else."""
        turns = self.past.transcript
        if self._replaces == "agent_b":
            return len(turns)
        return max((number for number, turn in enumerate(turns, start=1) if turn.speaker == "agent_b"), default=0)

    def seed(self, session: AgentSession[None]) -> None:
        """Let the session's model know what was said, so that nothing is asked again."""
        for turn in self.past.transcript:
            session.history.add_message(
                role="user" if turn.speaker == "caller" else "assistant", content=turn.text, created_at=turn.at
            )

    def grace_left_s(self, grace: GraceTimes, *, room: str, now: float) -> float:
        """How long a caller who is not in our room is still awaited; `now` is in seconds since the epoch.

        Counts from when the caller left, if the job before us lived to tell, else from that job's death.
        """
        away = self._away_from(room)
        if away is not None:
            left = away.away_at + (grace.rejoin_s if away.reason == LEFT_ROOM else grace.lost_s) - now
        else:
            before = [
                one.ended_at for one in self.past.agents if one.role == self._replaces and one.epoch < self._epoch
            ]
            left = (before[-1] if before and before[-1] is not None else now) + grace.lost_s - now
        return max(left, LEAST_GRACE_S)

    def note_return(self, record: Record, *, room: str) -> None:
        """Write that the caller is here, if the last that the log knows is a leave."""
        if self._away_from(room) is not None:
            record(CallEvent.CALLER_RETURNED, {"room": room})

    async def until_found(
        self, arriving: asyncio.Task[Any], rooms: Rooms, *, room: str, caller: str, timeout_s: float
    ) -> None:
        """Wait until the caller has arrived in our room, or has gone on to Agent B's, or stays away for too long."""
        transfer = self._under_way
        final_room = transfer.final_room if transfer is not None and transfer.final_room != room else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not (await asyncio.wait({arriving}, timeout=POLL_S))[0]:
                    if final_room is not None and await _is_in(rooms, final_room, caller):
                        return

    async def undo_transfer(
        self, rooms: Rooms, record: Record, *, room: str, caller: str, move_timeout_s: float
    ) -> bool:
        """End a transfer that was under way, and close its rooms; False if the caller is with Agent B."""
        transfer = self._under_way
        if transfer is None:
            await self._undo_arming(rooms, record)
            return True
        final_room = transfer.final_room if transfer.final_room != room else None
        about = {"transfer_id": transfer.transfer_id}
        if final_room is None:  # the log may lack the last moments: whoever is here and not ours could be told to speak
            timeout_s = 0.0 if transfer.times.accepted is None else move_timeout_s
            is_moved = await has_agent_b(rooms, room, timeout_s=timeout_s)
        else:
            is_moved = await _is_moving_there(rooms, caller, transfer.target_identity, room, final_room, move_timeout_s)
        if is_moved:
            record(CallEvent.CALLER_MOVED, about | {"final_room": transfer.final_room or room})
        disposition = Disposition.COMPLETED if is_moved else Disposition.FAILED
        ended = {"disposition": disposition.value, "reason": _DIED}
        if transfer.attempts and transfer.attempts[-1].disposition is None:
            record(CallEvent.ATTEMPT_ENDED, about | {"target": transfer.attempts[-1].target} | ended)
        record(CallEvent.TRANSFER_ENDED, about | ended)
        for name in filter(None, (transfer.consult_room, None if is_moved else final_room)):
            await _close(rooms, name)
        return not is_moved

    async def _undo_arming(self, rooms: Rooms, record: Record) -> None:
        """Close what was made ready for an offer that the caller has not answered."""
        offered = self._open_offer
        if offered is None or not offered.is_armed:
            return
        record(CallEvent.TRANSFER_DISARMED, {"transfer_id": offered.transfer_id, "reason": _DIED})
        for name in filter(None, (offered.consult_room, offered.final_room)):
            await _close(rooms, name)

    def move_to_agent_b(self, room: str) -> Move:
        """How the caller came to Agent B, in a transfer that was not undone."""
        final_room = self._under_way.final_room if self._under_way is not None else None
        return Move.JOIN_CALLER_ROOM if final_room in (None, room) else Move.CLIENT_MOVE

    async def begin(
        self,
        session: AgentSession[None],
        book: PhraseBook,
        desk: TransferDesk,
        roster: Roster,
        make_on_hold: Callable[[], Agent],
    ) -> None:
        """Agent A's first words: what happened, and then where the conversation stood."""
        if offer := self._offer_to_resume(roster, desk.guard):
            phrase = "handed_on" if self._replaces == "agent_b" else "transfer_resumed"
            await book.say(session, phrase, allow_interruptions=False)
            try:
                await desk.resume(offer)
            except CallOverError:
                logger.info("transfer not resumed: the caller is gone", extra={"call_id": self.past.call_id})
            else:
                session.update_agent(make_on_hold())
        elif self._replaces == "agent_b":
            is_asked = self._hand_back is not None and self._hand_back.cause == "asked"
            book.say(session, "handed_back" if is_asked else f"transfer_failed.{Disposition.TARGET_LEFT.value}")
        else:
            self._go_on(session, book, desk, roster)

    async def until_alone(self, room: rtc.Room) -> None:
        """Wait until the agent who hands the caller over has left."""
        predecessor = self._predecessor()
        if predecessor is None:
            return
        gone = asyncio.Event()

        def note(participant: rtc.RemoteParticipant) -> None:
            if participant.identity == predecessor:
                gone.set()

        room.on("participant_disconnected", note)
        try:
            async with asyncio.timeout(PREDECESSOR_S):
                if predecessor in room.remote_participants:
                    await gone.wait()
        except TimeoutError:
            logger.warning("the agent before did not leave", extra={"call_id": self.past.call_id})
        finally:
            room.off("participant_disconnected", note)

    def _predecessor(self) -> str | None:
        """Identity of the agent who had the caller; one that died is no longer in the room."""
        if self._replaces == "agent_b":
            return self.past.transfers[-1].target_identity if self.past.transfers else None
        before = [one for one in self.past.agents if one.role == "agent_a" and one.epoch < self.past.last_epoch]
        return before[-1].identity if before else None

    def _offer_to_resume(self, roster: Roster, guard: LoopGuard) -> Offer | None:
        """The transfer that the caller agreed to and that did not come about yet."""
        if self._under_way is not None:
            return self._offer(self._under_way, roster, guard)
        handed_back = self._hand_back
        if handed_back is None or handed_back.skill is None:
            return None
        return _offer_to(roster, guard, skill=handed_back.skill, reason=handed_back.reason)

    def _go_on(self, session: AgentSession[None], book: PhraseBook, desk: TransferDesk, roster: Roster) -> None:
        if offer := self._offer(self._open_offer, roster, desk.guard):
            offered_at = self.past.transfers[-1].times.offered or 0.0
            desk.restore(offer, turns_at_offer=sum(turn.at <= offered_at for turn in self.past.transcript))
        if self.past.transcript:
            book.say(session, "resumed", allow_interruptions=False)
            go_on(session, self.past.transcript)
        else:
            book.say(session, "greeting")

    def _away_from(self, room: str) -> Absence | None:
        last = self.past.absences[-1] if self.past.absences else None
        return last if last is not None and last.room == room and last.returned_at is None else None

    @property
    def _under_way(self) -> TransferSnapshot | None:
        return self.past.transfers[-1] if self.past.is_transferring else None

    @property
    def _open_offer(self) -> TransferSnapshot | None:
        last = self.past.transfers[-1] if self.past.transfers else None
        is_open = last is not None and last.times.requested is None and last.times.withdrawn is None
        return last if is_open else None

    @property
    def _hand_back(self) -> HandedBack | None:
        """How the caller came back from the latest transfer, None if it did not complete or Agent B died."""
        last = self.past.transfers[-1] if self.past.transfers else None
        return last.hand_back if last is not None else None

    def _offer(self, transfer: TransferSnapshot | None, roster: Roster, guard: LoopGuard) -> Offer | None:
        """The same offer to whoever of its targets was not called to the end; None if nobody may be called."""
        if transfer is None or transfer.skill is None:
            return None
        return _offer_to(
            roster,
            guard,
            skill=transfer.skill,
            reason=transfer.offer_reason or "",
            transfer_id=transfer.transfer_id,
            first=transfer.target,
        )


def go_on(session: AgentSession[None], turns: Sequence[Turn]) -> None:
    """Take the conversation up where it was cut off: answer the caller's last words, or say one's own again."""
    if not turns:
        return
    if turns[-1].speaker == "caller":  # still without an answer
        session.generate_reply()
    else:
        session.say(turns[-1].text)


def welcome_back(session: AgentSession[None], book: PhraseBook, turns: Sequence[Turn]) -> None:
    """Greet a caller who was away, and take these turns of the conversation up again."""
    try:
        book.say(session, "welcome_back")
        go_on(session, turns)
    except RuntimeError:  # the session swaps its agent, who is about to speak
        logger.info("returned caller not greeted")


def _offer_to(
    roster: Roster,
    guard: LoopGuard,
    *,
    skill: str,
    reason: str,
    transfer_id: str = "",
    first: str | None = None,
) -> Offer | None:
    """An offer to everybody with that skill, from `first` on; None if nobody may be called."""
    targets = [one.id for one in roster.for_skill(skill)]
    if first in targets:
        targets = targets[targets.index(first) :]
    allowed = guard.allowed(targets)
    if not allowed:
        return None
    return Offer(transfer_id=transfer_id, target=allowed[0], others=allowed[1:], skill=skill, reason=reason)


async def _is_in(rooms: Rooms, room: str, identity: str) -> bool:
    try:
        return identity in await _arrived(rooms, room)
    except TargetUnavailableError as error:
        logger.warning("room not seen", extra={"why": error.sentence})
        return False


async def _is_moving_there(
    rooms: Rooms, caller: str, agent_b: str | None, room: str, final_room: str, timeout_s: float
) -> bool:
    """Whether the caller ends up in the final room; waits while the client is in both, unless Agent B died as well."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        try:
            there = await _arrived(rooms, final_room)
            if caller not in there or caller not in await rooms.people(room):
                return caller in there
            is_hopeless = agent_b not in there
        except TargetUnavailableError as error:
            logger.warning("rooms not seen", extra={"why": error.sentence})
            is_hopeless = False
        if is_hopeless or loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_S)


async def _arrived(rooms: Rooms, room: str) -> set[str]:
    """Who is in a final room, but for a caller who only waits there to be told to move."""
    return {one.identity for one in await rooms.participants(room) if not one.is_ahead}


async def _close(rooms: Rooms, name: str) -> None:
    """Delete a room; one that can't be deleted goes by itself, and the caller is not to wait for it."""
    try:
        await rooms.delete(name)
    except TargetUnavailableError as error:
        logger.warning("room not closed", extra={"why": error.sentence})
