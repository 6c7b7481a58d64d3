"""The synthetic caller: a LiveKit participant with a voice, ears and, if it can move, a second room."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from pydantic import ValidationError

from warm_transfer.stand.caller.ahead import Ahead
from warm_transfer.stand.caller.caller_room import NETWORK_TIMEOUT_S, CallerRoom
from warm_transfer.stand.caller.downlink import RATE_HZ, CallClock, Downlink, Samples, mix, write_wav
from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.stand.caller.microphone import Microphone
from warm_transfer.transfer.wire import ARM_METHOD, CLIENT_ATTRIBUTE, MOVE_METHOD, ArmOrder, MoveOrder

HEARD_TIMEOUT_S = 5.0  # as long as the coordinator waits for its proof
FIRST_WORD_TIMEOUT_S = 20.0
"""For Agent B's first word, with the music of the old room; Agent A closes that room before (3 * MOVE_TIMEOUT_S)."""
JOIN_S = 1.0
"""A join takes 0.2 s on loopback."""
WAY_BACK_S = 3.0
"""A room that ends so soon after the move gives the caller back to the one before, if its client comes back."""
OVERLAP_S = 0.2
"""How long both rooms get the microphone once the new one has it: else up to 95 ms of speech are lost."""

MomentName = Literal[
    "joined", "said_start", "said_end", "heard_start", "heard_end",
    "move_asked", "first_sound", "left_old_room", "stayed", "disconnected",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened at the caller's client."""

    at_s: float
    """Place in both recordings."""
    name: MomentName
    room: str
    text: str = ""
    """What was said, or why it stayed."""


class Caller:
    """In its room, microphone on, while the context is open; every room is left when it closes.

    `utterances` gets each finished utterance of an agent. With `can_move` it registers the RPC `wt.move` and
    moves make-before-break; without, it is a plain LiveKit client that knows nothing of this project.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        can_move: bool = True,
        has_microphone: bool = True,
        on_moment: Callable[[Moment], None] | None = None,
        on_room: Callable[[rtc.Room], None] | None = None,
        clock: CallClock | None = None,
    ) -> None:
        """`on_room` gets each room before it is joined, so that nothing that arrives there is missed.

        `clock`: of an earlier connection, which this one follows in the same call.

        Without a microphone nothing is published: somebody who types, or did not allow it.
        """
        self.clock = clock or CallClock()
        self.downlink = Downlink(self.clock)
        self.microphone = Microphone(self.clock)
        self.moments: list[Moment] = []
        self.utterances: asyncio.Queue[Utterance] = asyncio.Queue()
        self.is_over = asyncio.Event()
        """Set when the room that the caller is in let it go, or it hung up."""
        self._url = url
        self._token = token
        """For the room that the caller is in."""
        self._way_back: tuple[str, float] | None = None
        """The token for the room before, and when it was left, by the clock."""
        self._can_move = can_move
        self._has_microphone = has_microphone
        self._on_moment = on_moment
        self._on_room = on_room
        self._tasks = asyncio.TaskGroup()
        self._rooms: list[CallerRoom] = []
        self._room: CallerRoom | None = None
        self._move: asyncio.Task[None] | None = None
        self._ahead: Ahead | None = None
        self._closing = contextlib.AsyncExitStack()

    @property
    def room(self) -> str:
        """Name of the room that the caller is in."""
        return self._room.name if self._room else ""

    @property
    def rtc_room(self) -> rtc.Room:
        """The connection to the room that the caller is in; RuntimeError before it joined one."""
        if self._room is None:
            raise RuntimeError("the caller has not joined a room yet")
        return self._room.rtc_room

    @property
    def is_hearing(self) -> bool:
        """Whether somebody is speaking to the caller."""
        return any(room.is_hearing for room in self._rooms)

    @property
    def silent_for_s(self) -> float:
        """Since the last sound of any kind at the caller's ear, or since the call began."""
        last = max((room.last_sound for room in self._rooms), default=0)
        return max(self.clock.now() - last, 0) / RATE_HZ

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as opening:
            await opening.enter_async_context(self._tasks)
            await opening.enter_async_context(self.microphone)
            opening.push_async_callback(self.hang_up)
            self._room = self._new_room()
            await self._join(self._room, self._url, self._token)
            self._note("joined")
            self._closing = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._closing.__aexit__(kind, error, trace)

    async def say(self, text: str, samples: Samples, rate_hz: int) -> tuple[float, float]:
        """Speak `samples`, which say `text`, until all is sent; begin and end in the recordings, in s."""
        start = self.microphone.said.end
        self._note("said_start", text, at=start)
        await self.microphone.say(samples, rate_hz)
        end = self.microphone.said.end
        self._note("said_end", text, at=end)
        return start / RATE_HZ, end / RATE_HZ

    async def hang_up(self) -> None:
        """Press the end button: tell the agents, then leave every room."""
        self._way_back = None
        if self._ahead is not None:
            await self._ahead.stop()
        if self._move is not None:
            # The native client can't take a join back: if the room is deleted meanwhile, it makes it anew 15 s later.
            if joining := {room.joining for room in self._rooms if room.joining is not None}:
                await asyncio.wait(joining, timeout=JOIN_S)
            self._move.cancel()
            await asyncio.wait({self._move})
        if self._rooms:
            self._note("disconnected")
            await asyncio.gather(*(room.tell_end() for room in self._rooms))
        while self._rooms:
            await self._rooms.pop().leave()
        self.is_over.set()

    def save(self, folder: Path) -> None:
        """Write caller_heard.wav and caller_said.wav, which begin at the same instant."""
        write_wav(folder / "caller_heard.wav", self.downlink.mixed())
        write_wav(folder / "caller_said.wav", mix([self.microphone.said]))

    def _new_room(self) -> CallerRoom:
        room = CallerRoom(
            tasks=self._tasks,
            downlink=self.downlink,
            on_utterance=self._heard,
            on_first_sound=self._hears_first_sound,
            on_over=self._check_over,
        )
        self._rooms.append(room)
        if self._on_room is not None:
            self._on_room(room.rtc_room)
        return room

    async def _join(self, room: CallerRoom, url: str, token: str) -> None:
        await self._enter(room, url, token)
        if self._has_microphone:
            await room.publish(self.microphone)

    async def _enter(self, room: CallerRoom, url: str, token: str) -> None:
        await room.connect(url, token)
        if self._can_move:
            await self._announce_moving(room.rtc_room.local_participant)

    async def _announce_moving(self, me: rtc.LocalParticipant) -> None:
        me.register_rpc_method(MOVE_METHOD, self.answer_move)
        me.register_rpc_method(ARM_METHOD, self.answer_arm)
        # A token of the stand already carries the attribute; others may not let their holder set it.
        if CLIENT_ATTRIBUTE not in me.attributes and me.permissions.can_update_metadata:
            async with asyncio.timeout(NETWORK_TIMEOUT_S):
                await me.set_attributes({CLIENT_ATTRIBUTE: "1"})

    async def answer_move(self, call: rtc.RpcInvocationData) -> str:
        """Reply at once, then move: the reply is no proof, the microphone in the new room is."""
        try:
            order = MoveOrder.model_validate_json(call.payload)
        except ValidationError as error:
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, "not a move order") from error
        if self._move is not None and not self._move.done():
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, "already moving")
        self._note("move_asked", order.room)
        self._move = self._tasks.create_task(self._move_to(order), name="caller moves")
        return "accepted"

    async def answer_arm(self, call: rtc.RpcInvocationData) -> str:
        """Reply at once, then be in the room ahead, muted, until the move there or its end."""
        try:
            order = ArmOrder.model_validate_json(call.payload)
        except ValidationError as error:
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, "not an order to come ahead") from error
        if self._ahead is not None:
            await self._ahead.stop()
        self._ahead = Ahead(order, self._new_room(), enter=self._enter_ahead, leave=self._leave, tasks=self._tasks)
        return "accepted"

    async def _enter_ahead(self, room: CallerRoom, token: str) -> None:
        await self._enter(room, self._url, token)
        if self._has_microphone:
            await room.publish_muted(self.microphone)

    async def be_moved(self, token: str) -> None:
        """Be in the token's room instead, as whom LiveKit Cloud moves: never in both, and the music stops."""
        self._move = self._tasks.create_task(self._change_to(token), name="caller is moved")
        await self._move

    async def _change_to(self, token: str) -> None:
        old, new = self._room, self._new_room()
        if old is not None:
            await self._leave(old)
        await self._join(new, self._url, token)
        self._room = new

    async def _move_to(self, order: MoveOrder) -> None:
        """Be heard in the new room, and hear there, before leaving the old one; stay if nobody hears us.

        Once we are heard the move has happened, however long the first word takes: who went back then would find
        an Agent A who is leaving.
        """
        ahead, self._ahead = self._ahead, None
        old, new = self._room, await ahead.take(order.room) if ahead else None
        is_ahead = new is not None
        new = new or self._new_room()
        try:
            if not is_ahead:
                await self._enter(new, self._url, order.token)
            if self._has_microphone:
                await new.publish(self.microphone)
            if new.name != order.room:
                raise rtc.ConnectError("the token opens another room")
            await asyncio.wait_for(new.is_heard.wait(), HEARD_TIMEOUT_S)
        except (rtc.ConnectError, PublishTrackError, TimeoutError) as error:
            await self._stay(new, type(error).__name__)
            return
        await self._hear(new, old)
        if not new.is_over.is_set():
            await asyncio.sleep(OVERLAP_S)
        if new.is_over.is_set():
            await self._stay(new, "the new room ended")
            return
        self._room = new
        self._way_back, self._token = (self._token, self.clock.now_s()), order.token
        if old is not None:
            await self._leave(old)
            self._note("left_old_room", room=old.name)
        self._check_over()

    async def _hear(self, new: CallerRoom, old: CallerRoom | None) -> None:
        """Wait for the first word, or until one of the rooms ends."""
        ends = [new.has_sound, new.is_over, *([old.is_over] if old else [])]
        waits = [asyncio.create_task(one.wait()) for one in ends]
        try:
            await asyncio.wait(waits, timeout=FIRST_WORD_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _stay(self, new: CallerRoom, why: str) -> None:
        await self._leave(new)
        self.downlink.unmute_room(self.room)
        self._note("stayed", why)
        self._check_over()

    async def _leave(self, room: CallerRoom) -> None:
        if room not in self._rooms:  # by a hang-up meanwhile
            return
        self._rooms.remove(room)
        await room.leave()

    def _hears_first_sound(self, room: CallerRoom, place: int) -> None:
        """Cut the old room out of the mix at the very sample where the new one begins."""
        if self._room is not None and room is not self._room:
            self.downlink.mute_room(self._room.name, place)
            self._note("first_sound", at=place, room=room.name)

    def _heard(self, utterance: Utterance) -> None:
        self._note("heard_start", at=int(utterance.start_s * RATE_HZ), room=utterance.room)
        self._note("heard_end", at=int(utterance.end_s * RATE_HZ), room=utterance.room)
        self.utterances.put_nowait(utterance)

    def _check_over(self) -> None:
        is_moving = self._move is not None and not self._move.done() and asyncio.current_task() is not self._move
        if self._room is None or not self._room.is_over.is_set() or is_moving:
            return
        way_back, self._way_back = self._way_back, None
        if way_back is not None and self.clock.now_s() - way_back[1] < WAY_BACK_S:
            self._move = self._tasks.create_task(self._come_back(way_back[0]), name="caller comes back")
        else:
            self.is_over.set()

    async def _come_back(self, token: str) -> None:
        """Be in the room before again, as our page is: Agent B was lost in mid-move, and Agent A is still there."""
        lost, back = self._room, self._new_room()
        try:
            await self._join(back, self._url, token)
        except (rtc.ConnectError, PublishTrackError, TimeoutError):
            await self._leave(back)
            self.is_over.set()
            return
        self._room, self._token = back, token
        self.downlink.unmute_room(back.name)
        self._note("joined")
        if lost is not None:
            await self._leave(lost)

    def _note(self, name: MomentName, text: str = "", *, at: int | None = None, room: str | None = None) -> None:
        place = self.clock.now() if at is None else at
        moment = Moment(at_s=place / RATE_HZ, name=name, room=self.room if room is None else room, text=text)
        self.moments.append(moment)
        if self._on_moment is not None:
            self._on_moment(moment)
