"""A person at a desk, for tests and the stand: a plain LiveKit client with a voice that answers and decides."""

import asyncio
import secrets
from types import TracebackType
from typing import Self

from livekit import rtc

from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.stand.caller.caller_room import CallerRoom
from warm_transfer.stand.caller.downlink import CallClock, Downlink, Samples
from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.stand.caller.microphone import Microphone
from warm_transfer.transfer.control_wire import COMMAND_TOPIC, ControlCommand, sign_command
from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess
from warm_transfer.transfer.livekit_adapter.tokens import desk_identity, desk_token
from warm_transfer.transfer.wire import CHAT_TOPIC, CONSULT_TOPIC, ConsultMessage, Question, read_consult_message

PRESENT_S = 300.0
"""Longer than any test."""


class Desk:
    """Says that it is available while the context is open; what it hears is in `downlink`, as a caller's."""

    def __init__(self, access: ServerAccess, log: CallLog, *, roster_id: str) -> None:
        self.identity = desk_identity(roster_id)
        self.clock = CallClock()
        self.downlink = Downlink(self.clock)
        self.messages: asyncio.Queue[ConsultMessage] = asyncio.Queue()
        """What Agent A shows in the consult."""
        self.typed: asyncio.Queue[str] = asyncio.Queue()
        """What Agent A types to a client that is not our page."""
        self.was_let_go = asyncio.Event()
        """A room that the desk was in has ended, or showed it out."""
        self._microphone = Microphone(self.clock)
        self._access = access
        self._log = log
        self._roster_id = roster_id
        self._board = PresenceBoard(log)
        self._rooms: list[CallerRoom] = []
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._board.put, self._roster_id, "available", PRESENT_S)
        await self._tasks.__aenter__()
        await self._microphone.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._board.put, self._roster_id, "away", PRESENT_S)
        await self.leave()
        await self._microphone.__aexit__(kind, error, trace)
        await self._tasks.__aexit__(kind, error, trace)

    async def answer(self, call_id: str) -> None:
        """Join the consult room of the attempt that rings."""
        transfer = (await self._call(call_id)).transfers[-1]
        await self._join(transfer.consult_room or "")

    async def take_over(self, call_id: str) -> None:
        """After the acceptance: be in the final room, then leave the consult room."""
        transfer = (await self._call(call_id)).transfers[-1]
        await self._join(transfer.final_room or "")
        await self._rooms.pop(0).leave()

    async def walk_in(self, call_id: str) -> None:
        """Answer the attempt that rings as any LiveKit client does: with a token for the final room."""
        transfer = (await self._call(call_id)).transfers[-1]
        await self._join(transfer.final_room or "")

    async def type(self, text: str) -> None:
        """Type into the chat."""
        await self._rooms[-1].rtc_room.local_participant.send_text(text, topic=CHAT_TOPIC)

    async def hears(self) -> None:
        """Wait until somebody was heard in the room that was joined last."""
        await self._rooms[-1].has_sound.wait()

    async def ask(self, question: str) -> None:
        """Type a question to Agent A."""
        message = Question(text=question).model_dump_json()
        await self._rooms[-1].rtc_room.local_participant.publish_data(message, topic=CONSULT_TOPIC)

    async def say(self, samples: Samples, rate_hz: int) -> None:
        """Speak."""
        await self._microphone.say(samples, rate_hz)

    async def command(self, call_id: str, command: ControlCommand) -> str:
        """Have the job that owns the call carry it out, as the control API does; gives its id."""
        owner = (await self._call(call_id)).owner
        if owner is None:
            raise LookupError("nobody has the call")
        command_id = secrets.token_hex(16)
        key, secret = self._access.api_key, self._access.api_secret
        payload = sign_command(command, call_id=call_id, command_id=command_id, api_key=key, api_secret=secret)
        async with Rooms(self._access) as rooms:
            await rooms.send(owner.room, owner.identity, COMMAND_TOPIC, payload)
        return command_id

    async def leave(self) -> None:
        """Close the page: every room is left."""
        while self._rooms:
            await self._rooms.pop().leave()

    async def _call(self, call_id: str) -> CallSnapshot:
        return await asyncio.to_thread(read_call, self._log, call_id)

    async def _join(self, name: str) -> None:
        room = CallerRoom(
            tasks=self._tasks,
            downlink=self.downlink,
            on_utterance=_forget,
            on_first_sound=lambda *_: None,
            on_over=self.was_let_go.set,
        )
        self._rooms.append(room)
        room.rtc_room.on("data_received", self._take)
        room.rtc_room.register_text_stream_handler(CHAT_TOPIC, self._read)
        await room.connect(self._access.url, desk_token(self._access, room=name, identity=self.identity))
        await room.publish(self._microphone)

    def _read(self, reader: rtc.TextStreamReader, _: str) -> None:
        async def read() -> None:
            self.typed.put_nowait(await reader.read_all())

        self._tasks.create_task(read())

    def _take(self, packet: rtc.DataPacket) -> None:
        if packet.topic == CONSULT_TOPIC:
            try:
                self.messages.put_nowait(read_consult_message(packet.data))
            except WireError:
                return


def _forget(_: Utterance) -> None:
    """Words are of no interest here: the recording is."""
