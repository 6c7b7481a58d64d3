"""Everything but sound that reaches a caller's client, written down as text."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from livekit import rtc

STREAM_TOPICS = ("lk.transcription", "lk.chat", "lk.agent.session", "wt.consult", "wt.command")


class Wiretap:
    """Attach it to each room before joining; `texts` is all that was received, in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.grown = asyncio.Event()
        self._readers: set[asyncio.Task[None]] = set()

    def attach(self, room: rtc.Room) -> None:
        connect = room.connect

        async def connect_and_see(*args: Any, **options: Any) -> None:
            await connect(*args, **options)
            self._see_room(room)  # nothing tells of those who are there already

        room.connect = connect_and_see  # type: ignore[method-assign]
        room.on("data_received", lambda packet: self._note(packet.data.decode(errors="replace")))
        room.on("participant_attributes_changed", lambda changed, _: self._note(str(changed)))
        room.on("participant_metadata_changed", lambda _who, _old, new: self._note(new))
        room.on("room_metadata_changed", lambda _old, new: self._note(new))
        room.on("participant_connected", self._see)
        room.on("track_published", lambda publication, _: self._note(publication.name))
        room.on("sip_dtmf_received", lambda event: self._note(str(event)))
        for topic in STREAM_TOPICS:
            room.register_text_stream_handler(topic, self._read_text)
            room.register_byte_stream_handler(topic, self._read_bytes)

    def _see_room(self, room: rtc.Room) -> None:
        """Note what could be read on arrival: the room's and the participants' own texts."""
        self._note(room.metadata)
        for participant in room.remote_participants.values():
            self._see(participant)

    def contains(self, *words: str) -> bool:
        """Whether any of these words came, in any case."""
        heard = "\n".join(self.texts).lower()
        return any(word.lower() in heard for word in words)

    async def until_text(self, words: str, deadline_s: float) -> None:
        """Wait until these words came, or had come."""
        async with asyncio.timeout(deadline_s):
            while not self.contains(words):
                self.grown.clear()
                await self.grown.wait()

    def _see(self, participant: rtc.RemoteParticipant) -> None:
        self._note(f"{participant.identity} {participant.name} {participant.metadata} {participant.attributes}")

    def _note(self, text: str) -> None:
        self.texts.append(text)
        self.grown.set()

    def _read_text(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._keep(self._take(reader.read_all()))

    def _read_bytes(self, reader: rtc.ByteStreamReader, _: str) -> None:
        async def read() -> str:
            return b"".join([chunk async for chunk in reader]).decode(errors="replace")

        self._keep(self._take(read()))

    async def _take(self, reading: Coroutine[Any, Any, str]) -> None:
        self._note(await reading)

    def _keep(self, reading: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(reading)
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)
