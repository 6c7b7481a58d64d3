"""A call that Agent A takes over from a job that died: what the log tells of it, and how it goes on."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from livekit.agents import Agent, AgentSession

from agents.phrase_book import PhraseBook
from agents.roster import Roster
from agents.transfer_desk import TransferDesk
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.snapshots import CallSnapshot, TransferSnapshot, fold
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.ports import Record
from warm_transfer.transfer.terms import Disposition, Offer
from warm_transfer.transfer.wire import AgentAJob

logger = logging.getLogger(__name__)

POLL_S = 0.1
_DIED = "Agent A's process died"


class TakenOverCall:
    """What was said and agreed in a call before this job."""

    def __init__(self, job: AgentAJob, past: CallSnapshot) -> None:
        self._replaces = job.replaces
        self.past = past

    @classmethod
    async def claim(cls, job: AgentAJob, log: CallLog, *, identity: str, room: str, pid: int) -> "TakenOverCall | None":
        """Read the call and become its job of this epoch; None if another job is, or the call is over.

        Raises:
            LogUnavailableError: nobody can tell; who dispatched us tries again.
        """
        call_id = job.call_id or ""
        started = {"role": "agent_a", "identity": identity, "room": room, "pid": pid, "epoch": job.epoch}
        stored = await asyncio.to_thread(
            log.append, call_id, CallEvent.JOB_STARTED, started, event_id=f"epoch-{call_id[:40]}-{job.epoch}"
        )
        past = fold(await asyncio.to_thread(log.events, call_id))
        is_ours = stored.payload["identity"] == identity and past.last_epoch == job.epoch
        return cls(job, past) if is_ours and past.ended_at is None else None

    def seed(self, session: AgentSession[None]) -> None:
        """Let the session's model know what was said, so that nothing is asked again."""
        for turn in self.past.transcript:
            session.history.add_message(
                role="user" if turn.speaker == "caller" else "assistant", content=turn.text, created_at=turn.at
            )

    async def undo_transfer(
        self, rooms: Rooms, record: Record, *, room: str, caller: str, move_timeout_s: float
    ) -> bool:
        """End a transfer that was under way, and close its rooms; False if the caller is with Agent B."""
        transfer = self._under_way
        if transfer is None:
            return True
        final_room = transfer.final_room if transfer.final_room != room else None
        about = {"transfer_id": transfer.transfer_id}
        is_moved = final_room is not None and await _is_moving_there(rooms, caller, room, final_room, move_timeout_s)
        if is_moved:
            record(CallEvent.CALLER_MOVED, about | {"final_room": final_room})
        disposition = Disposition.COMPLETED if is_moved else Disposition.FAILED
        ended = {"disposition": disposition.value, "reason": _DIED}
        if transfer.attempts and transfer.attempts[-1].disposition is None:
            record(CallEvent.ATTEMPT_ENDED, about | {"target": transfer.attempts[-1].target} | ended)
        record(CallEvent.TRANSFER_ENDED, about | ended)
        for name in filter(None, (transfer.consult_room, None if is_moved else final_room)):
            await rooms.delete(name)
        return not is_moved

    async def begin(
        self,
        session: AgentSession[None],
        book: PhraseBook,
        desk: TransferDesk,
        roster: Roster,
        make_on_hold: Callable[[], Agent],
    ) -> None:
        """Agent A's first words: what happened, and then where the conversation stood."""
        if self._replaces == "agent_b":
            book.say(session, f"transfer_failed.{Disposition.TARGET_LEFT.value}")
        elif offer := self._offer(self._under_way, roster):
            await book.say(session, "transfer_resumed", allow_interruptions=False)
            await desk.resume(offer)
            session.update_agent(make_on_hold())
        else:
            self._go_on(session, book, desk, roster)

    def _go_on(self, session: AgentSession[None], book: PhraseBook, desk: TransferDesk, roster: Roster) -> None:
        if offer := self._offer(self._open_offer, roster):
            offered_at = self.past.transfers[-1].times.offered or 0.0
            desk.restore(offer, turns_at_offer=sum(turn.at <= offered_at for turn in self.past.transcript))
        if self.past.transcript:
            book.say(session, "resumed", allow_interruptions=False)
            go_on(session, self.past.transcript)
        else:
            book.say(session, "greeting")

    @property
    def _under_way(self) -> TransferSnapshot | None:
        return self.past.transfers[-1] if self.past.is_transferring else None

    @property
    def _open_offer(self) -> TransferSnapshot | None:
        last = self.past.transfers[-1] if self.past.transfers else None
        is_open = last is not None and last.times.requested is None and last.times.withdrawn is None
        return last if is_open else None

    def _offer(self, transfer: TransferSnapshot | None, roster: Roster) -> Offer | None:
        """The same offer to whoever of its targets was not called to the end; None if nobody is on the roster."""
        if transfer is None or transfer.skill is None:
            return None
        targets = [one.id for one in roster.for_skill(transfer.skill)]
        if transfer.target in targets:
            targets = targets[targets.index(transfer.target) :]
        if not targets:
            return None
        return Offer(
            transfer_id=transfer.transfer_id,
            target=targets[0],
            others=tuple(targets[1:]),
            skill=transfer.skill,
            reason=transfer.offer_reason or "",
        )


def go_on(session: AgentSession[None], turns: Sequence[Turn]) -> None:
    """Take the conversation up where it was cut off: answer the caller's last words, or say one's own again."""
    if not turns:
        return
    if turns[-1].speaker == "caller":  # still without an answer
        session.generate_reply()
    else:
        session.say(turns[-1].text)


async def _is_moving_there(rooms: Rooms, caller: str, room: str, final_room: str, timeout_s: float) -> bool:
    """Whether the caller ends up in the final room; waits while the client is in both."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while caller in await rooms.people(final_room):
        if caller not in await rooms.people(room):
            return True
        if loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return False
