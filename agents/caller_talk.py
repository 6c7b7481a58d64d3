"""What Agent A does with a caller who is there: talks, transfers, takes back."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from livekit import rtc
from livekit.agents import AgentSession, APIError, JobContext, room_io

from agents.agent_a import AgentA
from agents.agent_a_commands import AgentACommands
from agents.best_move import best_move
from agents.briefing_writer import BriefingWriter
from agents.caller_line import SessionCallerLine
from agents.caller_presence import CallerPresence
from agents.console import NoTargets
from agents.departure import Departure
from agents.hold_keys import HoldKeys
from agents.house import AGENT_A_VOICE, House, build_session, take_text, write_turns
from agents.on_hold import OnHold
from agents.provider_faults import ProviderFaults
from agents.providers.catalog import Models, voice_name
from agents.successor import Successor
from agents.taken_over import TakenOverCall, welcome_back
from agents.target_lines import target_line
from agents.transcript import Transcript
from agents.transfer_desk import TransferDesk
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.settings import Settings
from warm_transfer.transfer import events
from warm_transfer.transfer.coordinator import CallOutcome, Coordinator, Ports
from warm_transfer.transfer.livekit_adapter.command_inbox import CommandInbox
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.livekit_adapter.target_line import CallParties
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import TargetLine
from warm_transfer.transfer.terms import Deadline, Disposition, State

logger = logging.getLogger(__name__)

ROLE: Literal["agent_a"] = "agent_a"
PART_FACTOR = 3
"""Music and caller room stay this many times MOVE_TIMEOUT_S for Agent B's first word: longer than REPLY_TIMEOUT_S,
after which Agent B says a fixed phrase. The caller is Agent B's already, and has the music until then."""


class CallerTalk:
    """Agent A's conversation with one caller, with all that it can lead to: session, coordinator and their ports."""

    def __init__(
        self,
        ctx: JobContext,
        house: House,
        *,
        call_id: str,
        epoch: int,
        caller: rtc.RemoteParticipant,
        recorder: CallRecorder,
        rooms: Rooms,
        taken_over: TakenOverCall | None,
        told_to_hand_over: asyncio.Event,
    ) -> None:
        """`taken_over`: what was before, None for a new call."""
        self._ctx = ctx
        self._house = house
        self._call_id = call_id
        self._epoch = epoch
        self._caller = caller
        self._recorder = recorder
        self._rooms = rooms
        self._taken_over = taken_over
        self._told_to_hand_over = told_to_hand_over

    async def run(self) -> CallOutcome | None:
        """Talk with the caller, and transfer them; the outcome is None if another worker's Agent A has the call."""
        caller, recorder, rooms = self._caller, self._recorder, self._rooms
        models = self._house.models(AGENT_A_VOICE)
        models.failovers.tell(recorder.record)
        session = build_session(models)
        transcript = Transcript(
            room=self._ctx.room.name,
            agent=ROLE,
            epoch=self._epoch,
            model=models.mind,
            record=recorder.record,
        )
        if self._taken_over is not None:
            self._taken_over.seed(session)
            transcript.restore(self._taken_over.past.transcript)
        write_turns(session, transcript)
        line = self._caller_line(
            session, caller, lambda disposition: self._agent(session, desk, line, keys, disposition)
        )
        target = self._target_line(models, lambda: coordinator)
        roster = self._house.roster
        transcript.withheld = lambda: roster.masks_for(coordinator.offer.target if coordinator.offer else "")
        writer = BriefingWriter(models.mind, transcript, roster, deadline_s=self._house.settings.briefing_timeout_s)
        coordinator = Coordinator(
            ports=Ports(
                caller=line,
                target=target,
                conversation=transcript,
                record=recorder.record,
                briefings=writer,
            ),
            deadlines=_deadlines(self._house.settings),
        )
        desk = TransferDesk(
            coordinator=coordinator,
            conversation=transcript,
            roster=self._house.roster,
            choose_move=lambda: best_move(
                self._ctx.room,
                caller.identity,
                can_cloud_move=self._house.settings.can_cloud_move,
                failed=coordinator.failed_moves,
            ),
            record=recorder.record,
            guard=self._guard(),
            is_free=self._house.is_free,
            first_turn=self._taken_over.first_turn if self._taken_over is not None else 0,
        )
        transcript.on_caller_turn = desk.hear
        keys = HoldKeys(
            self._ctx.room,
            caller.identity,
            coordinator=coordinator,
            say=line.answer_key,
            leave_message=desk.leave_message,
        )
        presence = self._watch(caller, session, coordinator, transcript, recorder)
        commands = self._commands(session, coordinator, desk, line, keys, recorder)
        ProviderFaults(
            session,
            self._house.book,
            reply_timeout_s=self._house.settings.reply_timeout_s,
            give_up=lambda why: coordinator.post(events.CallerLeft(why)),
            may_end=lambda: coordinator.situation.state in (State.TALKING, State.OFFERED),  # else Agent B may come
        )
        phrases = asyncio.create_task(self._fill_phrases(models))
        try:
            async with writer:
                await self._start(session, self._agent(session, desk, line, keys, None), caller, line, keys)
                return await Departure(
                    self._told_to_hand_over,
                    coordinator=coordinator,
                    target=target,
                    successor=self._successor(caller, recorder, rooms),
                    session=session,
                    line=line,
                    book=self._house.book,
                ).run()
        finally:
            await commands.aclose()
            presence.close()
            keys.close()
            phrases.cancel()
            await asyncio.gather(phrases, return_exceptions=True)
            await line.aclose()
            await session.aclose()

    def _successor(self, caller: rtc.RemoteParticipant, recorder: CallRecorder, rooms: Rooms) -> Successor:
        name, room = self._house.settings.agent_name, self._ctx.room
        return Successor(
            call_id=self._call_id,
            caller_identity=caller.identity,
            role=ROLE,
            identity=room.local_participant.identity,
            room=room,
            dispatch=lambda metadata: rooms.dispatch(name, room.name, metadata),
            timeout_s=self._house.settings.dispatch_timeout_s,
            log=self._house.log,
            recorder=recorder,
        )

    def _commands(
        self,
        session: AgentSession[None],
        coordinator: Coordinator,
        desk: TransferDesk,
        line: SessionCallerLine,
        keys: HoldKeys,
        recorder: CallRecorder,
    ) -> CommandInbox:
        async def put_on_hold() -> None:
            await session.interrupt(force=True)  # a reply to what the caller said before would still come
            session.update_agent(OnHold(desk, note_held=line.note_held, take_message=keys.take_message))

        return CommandInbox(
            self._ctx.room,
            self._house.access,
            call_id=self._call_id,
            record=recorder.record,
            apply=AgentACommands(coordinator=coordinator, desk=desk, put_on_hold=put_on_hold).apply,
            seen=self._taken_over.past.commands if self._taken_over is not None else (),
        )

    def _guard(self) -> LoopGuard:
        most_transfers = self._house.settings.max_transfers
        return (
            LoopGuard(most_transfers=most_transfers)
            if self._taken_over is None
            else self._taken_over.guard(most_transfers)
        )

    def _watch(
        self,
        caller: rtc.RemoteParticipant,
        session: AgentSession[None],
        coordinator: Coordinator,
        transcript: Transcript,
        recorder: CallRecorder,
    ) -> CallerPresence:
        """Tell the coordinator when the caller is away, back or gone."""
        where = {"room": self._ctx.room.name}

        def note_away(why: str) -> None:
            if coordinator.situation.state not in (State.MOVING, State.ENDED):  # else on the way to Agent B
                recorder.record(CallEvent.CALLER_AWAY, where | {"reason": why})
            coordinator.post(events.CallerAway())

        def note_return() -> None:
            recorder.record(CallEvent.CALLER_RETURNED, where)
            coordinator.post(events.CallerReturned())
            is_held = coordinator.situation.state not in (State.TALKING, State.OFFERED)
            welcome_back(session, self._house.book, () if is_held else transcript.turns())

        return CallerPresence(
            self._ctx.room,
            caller.identity,
            self._house.grace,
            on_away=note_away,
            on_return=note_return,
            on_gone=lambda why: coordinator.post(events.CallerLeft(why)),
        )

    async def _fill_phrases(self, models: Models) -> None:
        """Have the fixed phrases of a remote voice; those that the start did not get are said in a local one."""
        first, *others = self._house.settings.chain("tts")
        if others:  # whose sound would be kept under the name of the first
            return
        try:
            await self._house.book.fill(models.voice, voice_name(AGENT_A_VOICE, first))
        except APIError:
            logger.warning("fixed phrases not cached", exc_info=True)

    async def _start(
        self,
        session: AgentSession[None],
        agent: AgentA,
        caller: rtc.RemoteParticipant,
        line: SessionCallerLine,
        keys: HoldKeys,
    ) -> None:
        await session.start(
            agent,
            room=self._ctx.room,
            room_options=_room_options(caller.identity, line, keys),
            session_host=self._house.settings.debug,
            record=False,
        )

    def _agent(
        self,
        session: AgentSession[None],
        desk: TransferDesk,
        line: SessionCallerLine,
        keys: HoldKeys,
        failed_with: Disposition | None,
    ) -> AgentA:
        """Agent A at the beginning of the call, or back after a transfer that ended with this disposition."""
        house, taken_over = self._house, self._taken_over

        def make_on_hold() -> OnHold:
            return OnHold(desk, note_held=line.note_held, take_message=keys.take_message)

        async def begin() -> None:
            if failed_with is not None:
                house.book.say(session, f"transfer_failed.{failed_with.value}")
            elif taken_over is not None:
                await taken_over.until_alone(self._ctx.room)
                await taken_over.begin(session, house.book, desk, house.roster, make_on_hold)
            else:
                house.book.say(session, "greeting")

        return AgentA(
            desk=desk,
            roster=house.roster,
            begin=begin,
            make_on_hold=make_on_hold,
            chat_ctx=session.history.copy(exclude_instructions=True),
        )

    def _caller_line(
        self,
        session: AgentSession[None],
        caller: rtc.RemoteParticipant,
        return_agent: Callable[[Disposition], AgentA],
    ) -> SessionCallerLine:
        return SessionCallerLine(
            session=session,
            room=self._ctx.room,
            caller_identity=caller.identity,
            book=self._house.book,
            return_agent=return_agent,
            part_timeout_s=PART_FACTOR * self._house.settings.move_timeout_s,
            has_keys=caller.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
        )

    def _target_line(self, models: Models, coordinator: Callable[[], Coordinator]) -> TargetLine:
        if self._ctx.is_fake_job():
            return NoTargets()
        room = self._ctx.room
        parties = CallParties(
            call_id=self._call_id,
            epoch=self._epoch,
            agent_name=self._house.settings.agent_name,
            agent_a_identity=room.local_participant.identity,
            caller_identity=self._caller.identity,
            caller_room=room,
        )
        return target_line(
            self._house,
            parties=parties,
            rooms=self._rooms,
            models=models,
            record=self._recorder.record,
            coordinator=coordinator,
        )


def _deadlines(settings: Settings) -> dict[Deadline, float]:
    return {
        Deadline.ARM: settings.arm_ttl_s,
        Deadline.HOLD: settings.hold_after_ms / 1000,
        Deadline.UPDATE: settings.hold_update_s,
        Deadline.RING: settings.ring_timeout_s,
        Deadline.CONSULT: settings.consult_timeout_s,
        Deadline.MOVE: settings.move_timeout_s,
    }


def _room_options(caller_identity: str, line: SessionCallerLine, keys: HoldKeys) -> room_io.RoomOptions:
    async def take(session: AgentSession[None], event: room_io.TextInputEvent) -> None:
        if not line.is_deaf and not keys.take_message(event.text):
            await take_text(session, event)

    # The caller leaves this room in a successful client_move: the coordinator, not the session, says what that means.
    return room_io.RoomOptions(
        participant_identity=caller_identity,
        close_on_disconnect=False,
        text_input=room_io.TextInputOptions(text_input_cb=take),
    )
