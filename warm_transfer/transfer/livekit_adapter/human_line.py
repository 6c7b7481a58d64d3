"""The way to a person at a desk: ring, meet in the consult room, speak the briefing, bring the caller."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, assert_never

from livekit import rtc

from warm_transfer.calls.engagement import Engagement
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.dispatching import dispatch_until
from warm_transfer.transfer.errors import MoveRefusedError, TargetUnavailableError, WireError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.move_order import start_move
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name
from warm_transfer.transfer.livekit_adapter.target_line import FAREWELL_S, CallParties, TransferRooms
from warm_transfer.transfer.ports import ConsultVoice, OpenedRooms, Post, Record
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.understanding.questions import is_question
from warm_transfer.transfer.wire import (
    AGENT_B_PREFIX,
    CHAT_TOPIC,
    CONSULT_TOPIC,
    DESK_PREFIX,
    AgentBJob,
    Answer,
    Arrived,
    Brief,
    Connect,
    ConsultMessage,
    Dismiss,
    InPlace,
    Question,
    Ready,
    read_consult_message,
)

logger = logging.getLogger(__name__)

LISTENING_S = 2.0
"""For the desk to hear our track: 0.2 s. Who can't be heard by it reads the briefing."""
MOST_TYPED = 1000
"""Characters of one typed question."""

MakeVoice = Callable[[Callable[[str, str], object]], ConsultVoice]
"""A voice for one consult; what it hears goes to the callback: speaker's identity, text."""


class HumanTargetLine:
    """Implements the TargetLine port for people: one consult at a time, anew for each target.

    Who comes first with an identity of the rung desk has the call; whoever comes later is shown out. Accept, decline
    and more time are commands and never come this way.
    """

    def __init__(
        self,
        *,
        access: ServerAccess,
        rooms: Rooms,
        parties: CallParties,
        board: PresenceBoard,
        record: Record,
        make_voice: MakeVoice,
        farewells: Mapping[Disposition, str],
        has_accepted: Callable[[], bool],
        ring_timeout_s: float,
        dispatch_timeout_s: float,
        longest_s: float,
    ) -> None:
        """`longest_s` is how long one attempt can take with all its waits; `farewells` as to an AI Agent B."""
        self._access = access
        self._rooms = rooms
        self._parties = parties
        self._board = board
        self._record = record
        self._make_voice = make_voice
        self._farewells = farewells
        self._has_accepted = has_accepted
        """Whether the person has taken the caller: then it may leave the consult room."""
        self._ring_timeout_s = ring_timeout_s
        self._dispatch_timeout_s = dispatch_timeout_s
        self._longest_s = longest_s
        self._voice: ConsultVoice | None = None
        self._link: ConsultLink | None = None
        self._opened: TransferRooms | None = None
        self._desk: str | None = None
        """The identity that has the call."""
        self._engagement: Engagement | None = None
        """The call's hold on the desk."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._speech: asyncio.Task[None] | None = None

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Have the desk for this call alone, make the rooms, join the consult room, ring."""
        self._post, self._offer, self._move = post, offer, move
        self._ready, self._in_place = asyncio.Event(), asyncio.Event()
        if not await self._engage(offer):
            return
        caller_room = self._parties.caller_room.name
        opened = TransferRooms(
            consult_room=new_room_name("consult"),
            final_room=new_room_name("final") if move.has_final_room else caller_room,
        )
        self._opened = opened
        note_rooms(opened)
        own = {opened.consult_room, opened.final_room} - {caller_room}
        await asyncio.gather(*(self._rooms.create(name, empty_timeout_s=self._longest_s) for name in own))
        self._link = await self._join(opened.consult_room)
        self._record(
            CallEvent.TARGET_RUNG,
            {
                "transfer_id": offer.transfer_id,
                "target": offer.target,
                "attempt": offer.attempt,
                "consult_room": opened.consult_room,
                "ring_timeout_s": self._ring_timeout_s,
                "skill": offer.skill,
                "reason": offer.reason,
            },
        )
        for participant in list(self._link.room.remote_participants.values()):
            self._see(participant)

    async def brief(self, briefing: Briefing) -> None:
        """Show the briefing, and begin to speak it."""
        await self._tell(Brief(briefing=briefing))
        self._speak(briefing.spoken())

    async def answer(self, text: str) -> None:
        """Show the answer, and begin to speak it; it cuts off what is being said: the person asked into it."""
        await self._tell(Answer(text=text))
        self._speak(text)

    async def move_caller(self, move: Move) -> None:
        """Have the caller moved once the person is in the final room; in the caller's own room that is all."""
        self._hush()
        link = self._consult()
        await self._ready.wait()  # the move's deadline ends it
        await link.send(Connect())
        match move:
            case Move.CLIENT_MOVE | Move.CLOUD_MOVE:
                await self._in_place.wait()
                if self._opened is None:
                    raise MoveRefusedError("there is no final room")
                await start_move(
                    move,
                    self._access,
                    self._rooms,
                    caller_room=self._parties.caller_room,
                    caller_identity=self._parties.caller_identity,
                    final_room=self._opened.final_room,
                )
            case Move.JOIN_CALLER_ROOM:
                pass
            case _:
                assert_never(move)

    async def dismiss(self, disposition: Disposition) -> None:
        """Tell the person and the attendant, let the desk go, delete what was opened."""
        opened, link = self._opened, self._link
        if link is not None and link.room.isconnected():
            await self._say_farewell(link, disposition)
        engagement, self._engagement = self._engagement, None
        if engagement is not None:
            await engagement.release()
        try:
            await self.close()
        finally:
            if opened is not None and opened.final_room != self._parties.caller_room.name:
                await self._rooms.delete(opened.final_room)

    async def close(self) -> None:
        """Fall silent, leave and delete the consult room."""
        opened, self._opened = self._opened, None
        link, self._link = self._link, None
        voice, self._voice = self._voice, None
        engagement, self._engagement = self._engagement, None
        if engagement is not None:
            await engagement.leave()
        self._desk, self._speech = None, None
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            if voice is not None:
                await voice.detach()
            if link is not None:
                await link.close()
        finally:
            if opened is not None:
                await self._rooms.delete(opened.consult_room)

    async def _say_farewell(self, link: ConsultLink, disposition: Disposition) -> None:
        self._hush()
        text, others = self._farewells.get(disposition, ""), self._others()
        message = Dismiss(disposition=disposition.value, text=text)
        told = [link.send(message, to=one) for one in others]
        if text and self._voice is not None and self._desk in others:
            told.append(asyncio.wait_for(self._say_after(self._speech, self._voice, text), FAREWELL_S))
        for failure in await asyncio.gather(*told, return_exceptions=True):
            if failure is not None:
                logger.info("target not told", extra={"why": repr(failure)})

    async def _engage(self, offer: Offer) -> bool:
        """Whether the desk is ours now; one in another call is busy, an absent one can't be called."""
        engagement = Engagement(self._board, roster_id=offer.target, call_id=self._parties.call_id)
        try:
            presence = await engagement.begin()
        except LogUnavailableError as error:
            raise TargetUnavailableError("nobody can tell who is at a desk") from error
        match presence:
            case "available":
                self._engagement = engagement
                return True
            case "busy":
                self._post(events.TargetBusy())
                return False
            case "away":
                raise TargetUnavailableError("nobody is at the desk")

    async def _join(self, room: str) -> ConsultLink:
        job = self._job(room, desk_identity="")
        link = ConsultLink(self._access, room=room, identity=job.agent_a_identity, peer=job.identity)
        self._link = link  # closed whatever becomes of the connect
        link.hears_unannounced = False  # the attendant is dispatched only when the desk has been announced
        link.room.on("participant_connected", self._see)
        link.room.on("participant_disconnected", self._miss)
        link.room.on("data_received", self._take_packet)
        link.room.register_text_stream_handler(CHAT_TOPIC, self._take_text)
        await link.connect(on_message=self._take, on_peer_left=lambda: self._post(events.TargetLeft()))
        return link

    def _job(self, consult_room: str, *, desk_identity: str) -> AgentBJob:
        offer, parties = self._offer, self._parties
        return AgentBJob(
            call_id=parties.call_id,
            epoch=parties.epoch + 1,
            transfer_id=offer.transfer_id,
            specialist=offer.target,
            identity=f"{AGENT_B_PREFIX}{offer.target}-{offer.transfer_id[:8]}",
            agent_a_identity=parties.agent_a_identity,
            caller_identity=parties.caller_identity,
            consult_room=consult_room,
            move=self._move,
            consult_mode="text",
            desk_identity=desk_identity,
        )

    def _see(self, participant: rtc.RemoteParticipant) -> None:
        identity = participant.identity
        if self._opened is None or not identity.startswith(f"{DESK_PREFIX}{self._offer.target}-"):
            return
        if self._desk is None:
            self._desk = identity
            self._start(self._meet(identity, self._opened))
        elif identity != self._desk:
            logger.info("a second desk shown out")
            self._start(self._rooms.remove(self._opened.consult_room, identity))

    async def _meet(self, desk: str, opened: TransferRooms) -> None:
        """Be heard by the desk and ask for its attendant, side by side; then it has answered."""
        link = self._consult()
        link.hears_unannounced = True
        self._start(self._insist(opened, self._job(opened.consult_room, desk_identity=desk).model_dump_json()))
        self._voice = self._make_voice(self._hear)
        await self._be_heard(self._voice, link, desk)
        self._post(events.TargetAnswered(desk))

    async def _insist(self, opened: TransferRooms, job: str) -> None:
        """Dispatch the attendant until it has come; the move waits for it."""
        await dispatch_until(
            self._ready.wait,
            lambda: self._rooms.dispatch(self._parties.agent_name, opened.final_room, job),
            timeout_s=self._dispatch_timeout_s,
            most=math.ceil(self._longest_s / self._dispatch_timeout_s),
        )

    async def _be_heard(self, voice: ConsultVoice, link: ConsultLink, desk: str) -> None:
        await voice.attach(link.room, desk)
        try:
            async with asyncio.timeout(LISTENING_S):
                for publication in link.room.local_participant.track_publications.values():
                    await publication.wait_for_subscription()
        except TimeoutError:
            logger.warning("the desk does not hear us")

    def _miss(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._desk and not self._has_accepted():
            self._post(events.TargetLeft())

    def _take(self, message: ConsultMessage) -> None:
        """A message of the attendant."""
        match message:
            case Ready():
                self._ready.set()
            case InPlace():
                self._in_place.set()
            case Arrived():
                self._post(events.CallerMoved())
            case _:
                logger.warning("consult message out of place", extra={"type": message.type})

    def _take_packet(self, packet: rtc.DataPacket) -> None:
        """A question that the desk's page sends."""
        if packet.topic != CONSULT_TOPIC or packet.participant is None or packet.participant.identity != self._desk:
            return
        try:
            message = read_consult_message(packet.data)
        except WireError as error:
            logger.warning("message of the desk dropped", extra={"why": error.sentence})
            return
        if isinstance(message, Question):
            self._ask(message.text)

    def _take_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        """A question that the person types into any LiveKit client."""

        async def read() -> None:
            self._ask(await reader.read_all())

        if identity == self._desk:
            self._start(read())

    def _hear(self, identity: str, text: str) -> None:
        heard = {"transfer_id": self._offer.transfer_id, "by": identity, "text": text}
        self._record(CallEvent.CONSULT_HEARD, heard)
        if is_question(text):
            self._ask(text)

    def _ask(self, text: str) -> None:
        if question := text.strip()[:MOST_TYPED]:
            self._post(events.QuestionAsked(question))

    async def _tell(self, message: ConsultMessage) -> None:
        if self._desk is None:
            raise TargetUnavailableError("nobody is at the desk")
        await self._consult().send(message, to=self._desk)

    def _speak(self, text: str) -> None:
        self._hush()
        if self._voice is not None:
            self._speech = self._start(self._say_after(self._speech, self._voice, text))

    async def _say_after(self, before: asyncio.Task[None] | None, voice: ConsultVoice, text: str) -> None:
        if before is not None:
            await asyncio.wait({before})  # it is being cut off
        await voice.say(text)

    def _hush(self) -> None:
        if self._speech is not None:
            self._speech.cancel()

    def _others(self) -> list[str]:
        """Whom a dismissal is for: the person, and the attendant if it is there."""
        present = self._link.room.remote_participants if self._link else {}
        return [one for one in present if one == self._desk or not one.startswith(DESK_PREFIX)]

    def _consult(self) -> ConsultLink:
        if self._link is None:
            raise TargetUnavailableError("there is no consult room")
        return self._link

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, TargetUnavailableError):
            self._post(events.TargetUnavailable(error.sentence))
        else:
            logger.error("consult with a person failed", exc_info=error)
            self._post(events.CommandFailed(type(error).__name__))
