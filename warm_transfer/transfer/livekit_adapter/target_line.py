"""The way to an AI Agent B on any LiveKit server: rooms, dispatch, consult messages, the caller's move."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from livekit import rtc

from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.move_order import call_ahead, start_move
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name
from warm_transfer.transfer.ports import ConsultVoice, OpenedRooms, Post
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import (
    AGENT_B_PREFIX,
    Accept,
    AgentBJob,
    Answer,
    Arrived,
    Brief,
    Busy,
    Connect,
    ConsultMessage,
    ConsultMode,
    Decline,
    Dismiss,
    Question,
    Ready,
    Voicemail,
)

logger = logging.getLogger(__name__)

PATIENCE = 3
"""In DISPATCH_TIMEOUT_S: a cold process on busy cores takes 8 s."""
FAREWELL_S = 1.5
"""A farewell takes a second. Rooms and jobs are to be gone 2 s after a hang-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParties:
    """Who is in the call, and where."""

    call_id: str
    epoch: int
    """Of Agent A's job; Agent B's is the next."""
    agent_name: str
    agent_a_identity: str
    caller_identity: str
    caller_room: rtc.Room


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRooms:
    """The rooms of one transfer."""

    consult_room: str
    final_room: str


class LiveKitTargetLine:
    """Implements the TargetLine port: one consult at a time, anew for each transfer."""

    def __init__(
        self,
        *,
        access: ServerAccess,
        rooms: Rooms,
        parties: CallParties,
        consult_mode: ConsultMode,
        room_timeout_s: float,
        arm_ttl_s: float,
        ring_timeout_s: float,
        dispatch_timeout_s: float,
        voice: ConsultVoice | None,
        farewells: Mapping[Disposition, str],
    ) -> None:
        """`farewells`: what a target is told that is not needed any more, by the attempt's disposition.

        A target for whom no worker takes the job is unavailable one `dispatch_timeout_s` before the ring would expire.
        """
        self._access = access
        self._rooms = rooms
        self._parties = parties
        self._consult_mode = consult_mode
        self._room_timeout_s = room_timeout_s + arm_ttl_s
        """For which nobody may be in a room, and a caller who is ahead waits for the move."""
        self._dispatch_timeout_s = dispatch_timeout_s
        self._most_dispatches = max(2, math.ceil(ring_timeout_s / dispatch_timeout_s) - 1)
        self._voice = voice
        """Speaks the consult's turns in the consult room; None in a text consult."""
        self._farewells = farewells
        self._has_answered = False
        self._is_missed = False
        """Agent B was there, and is gone."""
        self._armed: tuple[Offer, Move] | None = None
        """For whom everything is ready, before the caller has agreed."""
        self._link: ConsultLink | None = None
        self._opened: TransferRooms | None = None
        self._dispatched: list[str] = []
        """Metadata of the jobs that were asked for, of which one comes."""
        self._insisting: asyncio.Task[None] | None = None
        self._calling_ahead: asyncio.Task[None] | None = None

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Make everything ready that is not in the caller's own room: whoever is there gets what is said there."""
        if not move.has_final_room:
            return
        await self._prepare(offer, move, post, note_rooms, is_armed=True)
        self._armed = (offer, move)

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Take over what was armed for this offer, or make the rooms, join the consult room and dispatch Agent B."""
        armed, self._armed = self._armed, None
        opened, link = self._opened, self._link
        if armed == (offer, move) and opened is not None and link is not None and not self._is_missed:
            self._post = post
            note_rooms(opened)
            if self._has_answered:
                post(events.TargetAnswered(link.peer))
                return
            await self._dispatch_unless_taken(opened, self._job(offer, move, opened, is_armed=False))
        else:
            if opened is not None:
                await self.dismiss(Disposition.NONE)
            await self._prepare(offer, move, post, note_rooms, is_armed=False)
        if self._link is not None and self._opened is not None:
            insisting = self._insist(self._link, self._opened.final_room)
            self._insisting = asyncio.create_task(insisting, name="insist on Agent B")

    async def _prepare(
        self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None], *, is_armed: bool
    ) -> None:
        """Rooms, Agent B and the caller's second connection, side by side where nothing depends."""
        self._has_answered = self._is_missed = False
        self._dispatched.clear()
        self._post = post
        caller_room = self._parties.caller_room.name
        opened = TransferRooms(
            consult_room=new_room_name("consult"),
            final_room=new_room_name("final") if move.has_final_room else caller_room,
        )
        self._opened = opened
        note_rooms(opened)
        own = [opened.consult_room, opened.final_room] if move.has_final_room else [opened.consult_room]
        await asyncio.gather(*(self._rooms.create(name, empty_timeout_s=self._room_timeout_s) for name in own))
        job = self._job(offer, move, opened, is_armed=is_armed)
        self._link = ConsultLink(
            self._access, room=opened.consult_room, identity=job.agent_a_identity, peer=job.identity
        )
        if move is Move.CLIENT_MOVE:
            self._calling_ahead = asyncio.create_task(self._call_ahead(opened.final_room), name="call the caller ahead")
        await asyncio.gather(self._join(self._link, job.identity), self._dispatch(opened.final_room, job))

    async def _call_ahead(self, final_room: str) -> None:
        try:
            await call_ahead(
                self._access,
                caller_room=self._parties.caller_room,
                caller_identity=self._parties.caller_identity,
                final_room=final_room,
                wait_s=self._room_timeout_s,
            )
        except MoveRefusedError as error:  # it joins when it is told to move
            logger.info("the caller's client does not join ahead", extra={"why": error.sentence})

    async def _dispatch(self, room: str, job: AgentBJob) -> None:
        metadata = job.model_dump_json()
        self._dispatched.append(metadata)
        await self._rooms.dispatch(self._parties.agent_name, room, metadata)

    async def _dispatch_unless_taken(self, opened: TransferRooms, job: AgentBJob) -> None:
        """Ask again at once for an Agent B that no worker would make ready ahead."""
        if not await self._is_taken(opened.final_room):
            await self._dispatch(opened.final_room, job)

    async def brief(self, briefing: Briefing) -> None:
        """Say the briefing if the consult is spoken, then send it as data."""
        await self._say(briefing.spoken())
        await self._consult().send(Brief(briefing=briefing))

    async def answer(self, text: str) -> None:
        """Say the answer if the consult is spoken, then send it as data."""
        await self._say(text)
        await self._consult().send(Answer(text=text))

    async def move_caller(self, move: Move) -> None:
        """Have the caller moved by its client or by the server, or tell Agent B in the caller's room to speak."""
        match move:
            case Move.CLIENT_MOVE | Move.CLOUD_MOVE:
                if self._opened is None:
                    raise MoveRefusedError("there is no final room")
                moving = start_move(
                    move,
                    self._access,
                    self._rooms,
                    caller_room=self._parties.caller_room,
                    caller_identity=self._parties.caller_identity,
                    final_room=self._opened.final_room,
                )
                # Side by side: to a caller who is there already Agent B speaks at once.
                await asyncio.gather(self._consult().send(Connect()), moving)
            case Move.JOIN_CALLER_ROOM:
                await self._consult().send(Connect())
            case _:
                assert_never(move)

    async def dismiss(self, disposition: Disposition) -> None:
        """Tell Agent B, then delete what was opened; a failure to tell must not keep a room open."""
        opened = self._opened
        try:
            if self._link is not None and self._link.room.isconnected():
                await self._say_farewell(self._link, disposition)
            await self.close()
        finally:
            if opened is not None and opened.final_room != self._parties.caller_room.name:
                await self._rooms.delete(opened.final_room)

    async def close(self) -> None:
        """Leave and delete the consult room."""
        opened, self._opened = self._opened, None
        link, self._link = self._link, None
        self._armed = None
        await self._stop_calling()
        try:
            if self._voice is not None:
                await self._voice.detach()
            if link is not None:
                await link.close()
        finally:
            if opened is not None:
                await self._rooms.delete(opened.consult_room)

    async def _stop_calling(self) -> None:
        """A dispatch, or a caller, that comes after the room is deleted makes it anew."""
        calling = [one for one in (self._insisting, self._calling_ahead) if one is not None]
        self._insisting = self._calling_ahead = None
        for one in calling:
            one.cancel()
        await asyncio.gather(*calling, return_exceptions=True)

    async def _insist(self, link: ConsultLink, room: str) -> None:
        """Dispatch Agent B again until it has come or the line is closed; no free worker means a lost dispatch.

        A dispatch that a worker has taken is given PATIENCE times as long: another one would have another worker start
        a process as well, and a machine that is too slow already would come to nothing.
        """
        waited = 0
        for left in reversed(range(self._most_dispatches)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.wait_for_peer(), self._dispatch_timeout_s)
                return
            waited += 1
            is_taken = await self._is_taken(room)
            if left and (not is_taken or waited == PATIENCE):
                logger.warning("Agent B did not come in time", extra={"is_taken": is_taken})
                waited = 0
                with contextlib.suppress(TargetUnavailableError):  # the server is away for a moment
                    await self._rooms.dispatch(self._parties.agent_name, room, self._dispatched[-1])
        if not is_taken:  # else it may come until it has rung for long enough
            self._post(events.TargetUnavailable("no worker is free"))

    async def _is_taken(self, room: str) -> bool:
        """Whether a worker has taken a dispatch of this Agent B; a server that can't be asked has not said so."""
        try:
            asked = await self._rooms.dispatches(room, self._parties.agent_name)
        except TargetUnavailableError:
            return False
        return any(one.job_ids for one in asked if one.metadata in self._dispatched)

    async def _say_farewell(self, link: ConsultLink, disposition: Disposition) -> None:
        text = self._farewells.get(disposition, "")
        told = [link.send(Dismiss(disposition=disposition.value, text=text))]
        if text and self._has_answered and self._voice is not None:
            told.append(asyncio.wait_for(self._voice.say(text), FAREWELL_S))
        for failure in await asyncio.gather(*told, return_exceptions=True):
            if failure is not None:
                logger.info("target not told", extra={"why": repr(failure)})

    def _job(self, offer: Offer, move: Move, opened: TransferRooms, *, is_armed: bool) -> AgentBJob:
        return AgentBJob(
            call_id=self._parties.call_id,
            epoch=self._parties.epoch + 1,
            transfer_id=offer.transfer_id,
            specialist=offer.target,
            identity=f"{AGENT_B_PREFIX}{offer.target}-{offer.transfer_id[:8]}",
            agent_a_identity=self._parties.agent_a_identity,
            caller_identity=self._parties.caller_identity,
            consult_room=opened.consult_room,
            move=move,
            consult_mode=self._consult_mode,
            is_armed=is_armed,
        )

    async def _join(self, link: ConsultLink, peer: str) -> None:
        await link.connect(
            on_message=lambda message: self._take(message, peer),
            on_peer_left=self._miss,
        )
        if self._voice is not None:
            await self._voice.attach(link.room, peer)

    def _miss(self) -> None:
        self._is_missed = True
        self._post(events.TargetLeft())

    def _take(self, message: ConsultMessage, peer: str) -> None:
        match message:
            case Ready():
                if not self._has_answered:  # sent again when our arrival is announced late
                    self._has_answered = True
                    self._post(events.TargetAnswered(peer))
            case Question(text=text):
                self._post(events.QuestionAsked(text))
            case Accept():
                self._post(events.TargetAccepted())
            case Decline(reason=reason):
                self._post(events.TargetDeclined(reason))
            case Busy():
                self._post(events.TargetBusy())
            case Voicemail():
                self._post(events.VoicemailReached())
            case Arrived():
                self._post(events.CallerMoved())
            case _:
                logger.warning("consult message out of place", extra={"type": message.type})

    def _consult(self) -> ConsultLink:
        if self._link is None:
            raise TargetUnavailableError("there is no consult room")
        return self._link

    async def _say(self, text: str) -> None:
        if self._voice is not None:
            await self._voice.say(text)
