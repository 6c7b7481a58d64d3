"""The way to a person: ring, meet in the consult room or in the final one, speak the briefing, bring the caller."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from typing import assert_never

from warm_transfer.calls.engagement import Engagement
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.dispatching import dispatch_until
from warm_transfer.transfer.errors import MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.errands import Errands
from warm_transfer.transfer.livekit_adapter.move_order import start_move
from warm_transfer.transfer.livekit_adapter.reception import MakeVoice, Reception
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, TransferRooms
from warm_transfer.transfer.ports import OpenedRooms, Post, Record
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import (
    AGENT_B_PREFIX,
    AgentBJob,
    Arrived,
    Connect,
    ConsultMessage,
    Dismiss,
    InPlace,
    Ready,
)

logger = logging.getLogger(__name__)


class HumanTargetLine:
    """Implements the TargetLine port for people: one consult at a time, anew for each target.

    Beside the person an attendant, a job of ours, is dispatched: it says when both are in the final room.
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
        decision: str,
        has_accepted: Callable[[], bool],
        ring_timeout_s: float,
        dispatch_timeout_s: float,
        longest_s: float,
    ) -> None:
        """`longest_s` is how long one attempt can take with all its waits; `farewells` as to an AI Agent B.

        `decision` asks a person without our page whether to connect the caller.
        """
        self._access = access
        self._rooms = rooms
        self._parties = parties
        self._board = board
        self._record = record
        self._make_voice = make_voice
        self._farewells = farewells
        self._decision = decision
        self._has_accepted = has_accepted
        """Whether the person has taken the caller: then it may leave the consult room."""
        self._ring_timeout_s = ring_timeout_s
        self._dispatch_timeout_s = dispatch_timeout_s
        self._longest_s = longest_s
        self._link: ConsultLink | None = None
        self._opened: TransferRooms | None = None
        self._reception: Reception | None = None
        self._engagement: Engagement | None = None
        """The call's hold on the desk."""

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """A person is not called before the caller has agreed."""

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Have the desk for this call alone, make the rooms, join the consult room, ring."""
        self._post, self._offer, self._move = post, offer, move
        self._errands = Errands(post)
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
        await self._join(offer, move, opened)
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

    async def brief(self, briefing: Briefing) -> None:
        """Show the briefing, and begin to speak it; who has no buttons is asked for a word."""
        await self._received().brief(briefing)

    async def answer(self, text: str) -> None:
        """Show the answer, and begin to speak it; it cuts off what is being said: the person asked into it."""
        await self._received().answer(text)

    async def move_caller(self, move: Move) -> None:
        """Have the caller moved once the person is in the final room; in the caller's own room that is all."""
        reception, link = self._received(), self._consult()
        reception.hush()
        await self._ready.wait()  # the move's deadline ends it
        await link.send(Connect())
        match move:
            case Move.CLIENT_MOVE | Move.CLOUD_MOVE:
                await self._in_place.wait()
                await reception.leave()
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
        reception, self._reception = self._reception, None
        engagement, self._engagement = self._engagement, None
        if engagement is not None:
            await engagement.leave()
        if reception is not None:
            await self._errands.stop()
        try:
            if reception is not None:
                await reception.leave()
            if link is not None:
                await link.close()
        finally:
            if opened is not None:
                await self._rooms.delete(opened.consult_room)

    async def _say_farewell(self, link: ConsultLink, disposition: Disposition) -> None:
        """Tell the person, and the attendant if it is there."""
        message = Dismiss(disposition=disposition.value, text=self._farewells.get(disposition, ""))
        if link.has_peer:
            with contextlib.suppress(TargetUnavailableError):
                await link.send(message)
        if self._reception is not None:
            await self._reception.part(message)

    def _note_heard(self, by: str, text: str) -> None:
        self._record(CallEvent.CONSULT_HEARD, {"transfer_id": self._offer.transfer_id, "by": by, "text": text})

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

    async def _join(self, offer: Offer, move: Move, opened: TransferRooms) -> None:
        """Join the consult room and, if the caller is to be moved there, the final room."""
        job = self._job(opened.consult_room, desk_identity="")
        identity = job.agent_a_identity
        self._link = consult = ConsultLink(self._access, room=opened.consult_room, identity=identity, peer=job.identity)
        consult.hears_unannounced = False  # the attendant is dispatched only when the person has been announced
        lobby = None
        if move.has_final_room:
            lobby = ConsultLink(self._access, room=opened.final_room, identity=identity, peer="")
        self._reception = Reception(  # closed, with its links, whatever becomes of the connects
            rooms=self._rooms,
            consult=consult,
            lobby=lobby,
            roster_id=offer.target,
            make_voice=self._make_voice,
            decision=self._decision,
            post=self._post,
            errands=self._errands,
            on_heard=self._note_heard,
            on_come=lambda person: self._expect_attendant(opened, person),
            has_accepted=self._has_accepted,
        )
        joining = [consult.connect(on_message=self._take, on_peer_left=lambda: self._post(events.TargetLeft()))]
        if lobby is not None:
            joining.append(lobby.connect(on_message=lambda _: None, on_peer_left=lambda: None))
        await asyncio.gather(*joining)
        self._reception.see_who_is_there()

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

    def _expect_attendant(self, opened: TransferRooms, person: str) -> None:
        self._consult().hears_unannounced = True
        self._errands.start(self._insist(opened, self._job(opened.consult_room, desk_identity=person)))

    async def _insist(self, opened: TransferRooms, job: AgentBJob) -> None:
        """Dispatch the attendant until it has come; the move waits for it."""
        await dispatch_until(
            self._ready.wait,
            lambda: self._rooms.dispatch(self._parties.agent_name, opened.final_room, job.model_dump_json()),
            timeout_s=self._dispatch_timeout_s,
            most=math.ceil(self._longest_s / self._dispatch_timeout_s),
        )

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

    def _received(self) -> Reception:
        if self._reception is None:
            raise TargetUnavailableError("nobody was rung")
        return self._reception

    def _consult(self) -> ConsultLink:
        if self._link is None:
            raise TargetUnavailableError("there is no consult room")
        return self._link
