"""Drives one call's transfers: events in, the table decides, commands out to the ports."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer import events
from warm_transfer.transfer.arming import Arming
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.commands import (
    AnswerQuestion,
    ArmTarget,
    Command,
    DisarmTarget,
    DismissTarget,
    EndCall,
    ExtendDeadline,
    HoldCaller,
    LeaveCall,
    MoveCaller,
    OpenConsult,
    ReleaseTarget,
    SendBriefing,
    StartDeadline,
    TakeCallerBack,
    TellWaiting,
)
from warm_transfer.transfer.errors import IllegalEventError, MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.events import EXPIRY, Event
from warm_transfer.transfer.facts_to_log import fact_of
from warm_transfer.transfer.inbox import Inbox
from warm_transfer.transfer.lane import Lane
from warm_transfer.transfer.ports import BriefingDesk, CallerLine, Conversation, OpenedRooms, Record, Sleep, TargetLine
from warm_transfer.transfer.states import Consulting, Ended, Moving, Ringing, Situation, Talking, step
from warm_transfer.transfer.terms import WAIT_S, Deadline, Disposition, Move, Offer, State
from warm_transfer.transfer.timers import Timers
from warm_transfer.transfer.understanding.drafting import draft_briefing
from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT

logger = logging.getLogger(__name__)

HELD = frozenset({Deadline.HOLD, Deadline.UPDATE})
"""The deadlines of a held caller: they go on when a target answers, and when the next one is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """How the call ended for Agent A."""

    disposition: Disposition
    reason: str
    move: Move | None
    """How the caller got to Agent B, None if the caller did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, as the coordinator sees it."""

    caller: CallerLine
    target: TargetLine
    conversation: Conversation
    record: Record
    briefings: BriefingDesk | None = None
    """None: made from the transcript by rules, for a target without a policy."""
    sleep: Sleep = asyncio.sleep


class Coordinator:
    """Owns the transfer state of one call, from Agent A's first word until Agent A leaves.

    A failed transfer starts the table anew, so that the caller can be offered another one.
    """

    def __init__(self, *, ports: Ports, deadlines: Mapping[Deadline, float]) -> None:
        """`deadlines`: seconds for each."""
        self._ports = ports
        self._situation: Situation = Talking()
        self._offer: Offer | None = None
        self._final_room = ""
        self._arming: Arming | None = None
        """What is being made ready, or is, for the offer that is open."""
        self._attempt = 0
        """Counts the targets that were called or dismissed, over all transfers."""
        self._called: str | None = None
        """The target of the attempt that is under way."""
        self._inbox = Inbox()
        self._command_id: str | None = None
        """Of the command that is being handled."""
        self._timers = Timers(deadlines, sleep=ports.sleep, expire=self._expire)
        self._disposition = Disposition.NONE
        self._failed_moves: frozenset[Move] = frozenset()
        self._outcome: CallOutcome | None = None

    @property
    def situation(self) -> Situation:
        """Where the transfer stands now."""
        return self._situation

    @property
    def offer(self) -> Offer | None:
        """The offer that is open or under way, None if there is none."""
        return None if self._situation.state is State.TALKING else self._offer

    @property
    def failed_moves(self) -> frozenset[Move]:
        """What did not bring the caller to a target in this call, and would not the next time."""
        return self._failed_moves

    def post(self, event: Event) -> None:
        """Put an event into the inbox; an event that has no meaning any more is logged and dropped."""
        self._inbox.put(event)

    async def submit(self, event: Event, *, command_id: str | None = None) -> Situation:
        """Put an event into the inbox and wait for the table's word; what is logged at once carries `command_id`.

        Raises:
            IllegalEventError: the event has no meaning now; nothing changed.
            CallOverError: it never will again, for the call is over, or was before the event's turn came.
        """
        return await self._inbox.submit(event, command_id=command_id)

    async def run(self) -> CallOutcome:
        """Handle events until the call is over for Agent A; leaves no task, no timer and nobody waiting behind."""
        async with asyncio.TaskGroup() as tasks:
            caller = Lane(tasks, lambda error: self.post(_failure(error)))
            target = Lane(tasks, lambda error: self._post_of(self._attempt, _failure(error)))
            try:
                outcome = await self._handle_all(caller, target, tasks)
            finally:
                self._inbox.close()
            self._timers.cancel(but=frozenset())
            await caller.drain()
            await target.drain()
        return outcome

    async def _handle_all(self, caller: Lane, target: Lane, tasks: asyncio.TaskGroup) -> CallOutcome:
        while (outcome := self._outcome) is None:
            waiting = await self._inbox.get()
            if waiting.is_current():
                self._command_id = waiting.command_id
                self._handle(waiting.event, waiting.answer, caller, target, tasks)
                self._command_id = None
            else:
                logger.info("late event ignored", extra={"event": type(waiting.event).__name__})
        return outcome

    def _handle(
        self,
        event: Event,
        answer: asyncio.Future[Situation] | None,
        caller: Lane,
        target: Lane,
        tasks: asyncio.TaskGroup,
    ) -> None:
        before = self._situation
        try:
            after, commands = step(before, event)
        except IllegalEventError as error:
            logger.info("event ignored", extra={"event": type(event).__name__, "state": before.state.value})
            if answer is not None and not answer.done():
                answer.set_exception(error)
            return
        self._take(event, before, after, commands)
        for command in commands:
            self._carry_out(command, caller, target, tasks)
        if answer is not None and not answer.done():
            answer.set_result(after)

    def _take(self, event: Event, before: Situation, after: Situation, commands: Sequence[Command]) -> None:
        if isinstance(event, events.TransferOffered):
            self._offer = event.offer
            self._prepare_briefing(event.offer)
        self._situation = after
        if after.state is not before.state:
            logger.info("transfer moved on", extra={"from": before.state.value, "to": after.state.value})
            self._timers.cancel(but=HELD if isinstance(after, Ringing | Consulting) else frozenset())
        if fact := fact_of(event, self._offer, is_moving=before.state is State.MOVING, final_room=self._final_room):
            self._log(fact.type, **fact.payload)
        self._end_attempt(commands)
        if isinstance(after, Ended):
            if isinstance(before, Moving) and after.disposition is Disposition.MOVE_FAILED:
                self._failed_moves |= {before.move}
            self._end(after)

    def _end(self, ended: Ended) -> None:
        if ended.disposition is not Disposition.NONE:
            self._disposition = ended.disposition
            self._log(CallEvent.TRANSFER_ENDED, disposition=ended.disposition.value, reason=ended.reason)

    def _carry_out(self, command: Command, caller: Lane, target: Lane, tasks: asyncio.TaskGroup) -> None:
        ports = self._ports
        match command:
            case StartDeadline(Deadline.UPDATE):
                caller.add(self._start_update(tasks))  # behind the phrase: it runs from the phrase's end
            case StartDeadline(deadline):
                self._timers.start(deadline, tasks)
            case ExtendDeadline(deadline):
                self._timers.extend(deadline, by_s=WAIT_S)
            case ArmTarget(offer, move):
                self._arming = Arming(offer, move, inbox=self._inbox, log=self._log)
                target.add(self._arming.begin(ports.target))
            case DisarmTarget(reason):
                if self._undo_arming(reason):
                    target.supersede(ports.target.dismiss(Disposition.NONE))
            case OpenConsult(offer, move):
                self._begin_attempt(offer)
                target.add(self._open(offer, move, self._attempt))
            case HoldCaller():
                caller.add(ports.caller.hold())
            case TellWaiting():
                caller.add(ports.caller.tell_waiting())
            case SendBriefing(offer):
                target.add(self._brief(offer))
            case AnswerQuestion(question):
                target.add(self._answer(question))
            case MoveCaller(_, move):
                self._log(CallEvent.MOVE_BEGUN, move=move.value, final_room=self._final_room)
                caller.add(ports.caller.close_ears())
                caller.add(self._move(move, tasks))  # behind a hold phrase: never into the middle of a word
            case LeaveCall(move):
                caller.add(ports.caller.part(move))
                caller.add(ports.target.close())
                self._outcome = CallOutcome(disposition=self._disposition, reason="", move=move)
            case TakeCallerBack(disposition):
                caller.supersede(ports.caller.take_back(disposition))
                self._situation, self._offer = Talking(), None
            case DismissTarget(disposition, reason):
                self._undo_arming(reason)
                target.supersede(ports.target.dismiss(disposition))
            case ReleaseTarget():
                target.supersede(ports.target.close())
            case EndCall(reason):
                caller.cancel()
                self._outcome = CallOutcome(disposition=self._disposition, reason=reason, move=None)
            case _:
                assert_never(command)

    def _begin_attempt(self, offer: Offer) -> None:
        self._attempt += 1
        self._offer, self._called = offer, offer.target
        self._prepare_briefing(offer)
        self._log(CallEvent.ATTEMPT_BEGUN, target=offer.target, attempt=offer.attempt)

    def _end_attempt(self, commands: Sequence[Command]) -> None:
        """Write how it went, if it is over; from now on, what still comes from this target is of no interest."""
        if self._called is None:
            return
        for command in commands:
            match command:
                case DismissTarget(disposition, reason) | ReleaseTarget(disposition, reason):
                    self._log_attempt(self._called, disposition, reason)
                case LeaveCall():
                    self._log_attempt(self._called, Disposition.COMPLETED, "")

    def _log_attempt(self, target: str, disposition: Disposition, reason: str) -> None:
        self._log(CallEvent.ATTEMPT_ENDED, target=target, disposition=disposition.value, reason=reason)
        self._attempt += 1
        self._called = None

    def _undo_arming(self, reason: str) -> bool:
        """Whether there was anything to undo."""
        arming, self._arming = self._arming, None
        if arming is not None:
            arming.end(reason)
        return arming is not None

    async def _open(self, offer: Offer, move: Move, attempt: int) -> None:
        arming, self._arming = self._arming, None

        def note_rooms(rooms: OpenedRooms) -> None:
            self._final_room = rooms.final_room
            if arming is not None:
                arming.hand_over(rooms)
            self._log(
                CallEvent.CONSULT_OPENED,
                consult_room=rooms.consult_room,
                final_room=rooms.final_room,
                move=move.value,
            )

        await self._ports.target.open(offer, move, lambda event: self._post_of(attempt, event), note_rooms)

    async def _brief(self, offer: Offer) -> None:
        desk = self._ports.briefings
        briefing = self._briefing_by_rules(offer) if desk is None else await desk.write(offer)
        await self._ports.target.brief(briefing)
        self._log(CallEvent.BRIEFING_SENT, briefing=asdict(briefing))

    def _prepare_briefing(self, offer: Offer) -> None:
        if self._ports.briefings is not None:
            self._ports.briefings.prepare(offer)

    def _briefing_by_rules(self, offer: Offer) -> Briefing:
        return draft_briefing(self._ports.conversation.turns(), reason=offer.reason, withheld=MASKED_BY_DEFAULT)

    async def _answer(self, question: str) -> None:
        text = await self._ports.conversation.answer(question)
        await self._ports.target.answer(text)
        self._log(CallEvent.QUESTION_ANSWERED, answer=text)

    async def _move(self, move: Move, tasks: asyncio.TaskGroup) -> None:
        if isinstance(self._situation, Moving):
            self._timers.start(Deadline.MOVE, tasks)  # anew: until now it ran for the phrase, too
        await self._ports.target.move_caller(move)

    async def _start_update(self, tasks: asyncio.TaskGroup) -> None:
        if isinstance(self._situation, Ringing | Consulting):
            self._timers.start(Deadline.UPDATE, tasks)

    def _expire(self, deadline: Deadline, is_current: Callable[[], bool]) -> None:
        self._inbox.put(EXPIRY[deadline](), is_current=is_current)

    def _post_of(self, attempt: int, event: Event) -> None:
        self._inbox.put(event, is_current=lambda: attempt == self._attempt)

    def _log(self, event_type: CallEvent, **payload: Any) -> None:
        transfer_id = self._offer.transfer_id if self._offer else None
        command = {"command_id": self._command_id} if self._command_id else {}
        self._ports.record(event_type, {"transfer_id": transfer_id, **payload, **command})


def _failure(error: Exception) -> Event:
    """The event that stands for a command that failed."""
    match error:
        case TargetUnavailableError():
            logger.warning("target not reached", extra={"why": error.sentence})
            return events.TargetUnavailable(error.sentence)
        case MoveRefusedError():
            return events.MoveRefused(error.sentence)
        case _:
            logger.error("command failed", exc_info=error)
            return events.CommandFailed(type(error).__name__)
