"""One room that the caller's client is in: its tracks go into the downlink, its voices to ears."""

import asyncio
import contextlib
from collections.abc import Callable

import numpy as np
from livekit import rtc

from warm_transfer.stand.caller.downlink import RATE_HZ, Downlink, Lane, Samples
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK, Ear, Utterance, first_sound, is_sound
from warm_transfer.stand.caller.microphone import Microphone
from warm_transfer.transfer.wire import AHEAD_TRACK, DESK_PREFIX, END_METHOD

AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
END_TIMEOUT_S = 1.0
NETWORK_TIMEOUT_S = 5.0  # connecting takes 0.1 s on loopback, 1 s at 100 ms round trip


class CallerRoom:
    """A connection to one room, to be left by `leave()` whatever became of `connect()`.

    `has_sound` is set once something audible came, `is_heard` once somebody subscribed to our microphone,
    `is_over` once the room has let us go.
    """

    def __init__(
        self,
        *,
        tasks: asyncio.TaskGroup,
        downlink: Downlink,
        on_utterance: Callable[[Utterance], None],
        on_first_sound: Callable[["CallerRoom", int], None],
        on_over: Callable[[], None],
    ) -> None:
        self.rtc_room = rtc.Room()
        self.name = ""
        self.joining: asyncio.Task[None] | None = None
        """The join, from its begin on."""
        self.is_heard = asyncio.Event()
        self.is_over = asyncio.Event()
        self.has_sound = asyncio.Event()
        self.last_sound = 0
        """Place after the last audible sample, 0 before the first."""
        self._tasks = tasks
        self._downlink = downlink
        self._on_utterance = on_utterance
        self._on_first_sound = on_first_sound
        self._on_over = on_over
        self._muted: rtc.LocalTrackPublication | None = None
        """Our microphone, while we are only ahead in the room."""
        self._ears: list[Ear] = []
        self._readers: dict[str, asyncio.Task[None]] = {}
        self.rtc_room.on("track_subscribed", self._listen)
        self.rtc_room.on("track_unsubscribed", self._stop_listening)
        self.rtc_room.on("participant_disconnected", self._stop_listening_to)
        self.rtc_room.on("local_track_subscribed", lambda _: self.is_heard.set())
        self.rtc_room.on("disconnected", self._end)

    @property
    def is_hearing(self) -> bool:
        """Whether a voice is speaking."""
        return any(ear.is_hearing for ear in self._ears)

    async def connect(self, url: str, token: str) -> None:
        """Join the room; ConnectError or TimeoutError, and then we are not in it and never will be."""
        connecting = asyncio.create_task(self.rtc_room.connect(url, token), name="caller connects")
        self.joining = connecting
        try:
            await asyncio.wait({connecting}, timeout=NETWORK_TIMEOUT_S)
        finally:
            if not connecting.done():
                # Cancelling it would leave the native client to join later, with nobody to disconnect it.
                self._tasks.create_task(self._leave_when_joined(connecting))
        if not connecting.done():
            raise TimeoutError
        await connecting
        self.name = self.rtc_room.name

    async def publish(self, microphone: Microphone) -> None:
        """Be heard in the room."""
        muted, self._muted = self._muted, None
        if muted is not None and isinstance(muted.track, rtc.LocalAudioTrack):
            muted.track.unmute()
            return
        async with asyncio.timeout(NETWORK_TIMEOUT_S):
            await microphone.publish(self.rtc_room)

    async def publish_muted(self, microphone: Microphone) -> None:
        """Be seen in the room, and not heard until `publish`."""
        async with asyncio.timeout(NETWORK_TIMEOUT_S):
            self._muted = await microphone.publish(self.rtc_room, name=AHEAD_TRACK, is_muted=True)

    async def tell_end(self) -> None:
        """Tell every agent in the room that we hang up; who does not answer learns it by our leaving."""
        if not self.rtc_room.isconnected():  # the native client would never answer
            return
        agents = [one for one in self.rtc_room.remote_participants.values() if one.kind == AGENT]
        calls = [
            self.rtc_room.local_participant.perform_rpc(
                destination_identity=agent.identity, method=END_METHOD, payload="", response_timeout=END_TIMEOUT_S
            )
            for agent in agents
        ]
        await asyncio.gather(*calls, return_exceptions=True)

    async def leave(self) -> None:
        """Disconnect and end the readers; the recording stays."""
        # Readers first, and no new ones: a track that came now would feed its reader never, and end it never.
        self.rtc_room.off("track_subscribed", self._listen)
        stuck = set(self._readers.values())
        for _ in range(2):  # the second time out of waiting for a native stream that never says that it has ended
            for reader in stuck:
                reader.cancel()
            if stuck:
                _, stuck = await asyncio.wait(stuck, timeout=NETWORK_TIMEOUT_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NETWORK_TIMEOUT_S):
                await self.rtc_room.disconnect()

    async def _leave_when_joined(self, connecting: asyncio.Task[None]) -> None:
        with contextlib.suppress(rtc.ConnectError):
            await connecting
        await self.leave()

    def _end(self, _: object) -> None:
        self.is_over.set()
        self._on_over()

    def _listen(self, track: rtc.Track, publication: rtc.RemoteTrackPublication, who: rtc.RemoteParticipant) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        lane = self._downlink.open_lane(room=self.rtc_room.name, identity=who.identity, track_name=publication.name)
        reader = self._tasks.create_task(self._read(track, lane), name=f"hears {publication.name}")
        self._readers[track.sid] = reader
        reader.add_done_callback(lambda _: self._readers.pop(track.sid, None))

    def _stop_listening(self, track: rtc.Track, *_: object) -> None:
        """End a reader whose track is gone: after a server's restart the native stream does not say that it has ended.

        An utterance that it was in would never end either, and the caller would listen for ever.
        """
        reader = self._readers.get(track.sid)
        if reader is not None:
            reader.cancel()

    def _stop_listening_to(self, participant: rtc.RemoteParticipant) -> None:
        for publication in participant.track_publications.values():
            if publication.track is not None:
                self._stop_listening(publication.track)

    async def _read(self, track: rtc.Track, lane: Lane) -> None:
        ear = None if lane.track_name == HOLD_MUSIC_TRACK else Ear(room=lane.room, identity=lane.identity)
        if ear is not None:
            self._ears.append(ear)
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                self._take(np.frombuffer(event.frame.data, np.int16), lane, ear)
        finally:
            if ear is not None:
                self._ears.remove(ear)
                if utterance := ear.finish():
                    self._on_utterance(utterance)
            await stream.aclose()

    def _take(self, samples: Samples, lane: Lane, ear: Ear | None) -> None:
        place = self._downlink.add(lane, samples)
        if lane.is_muted:
            return
        is_loud = is_sound(samples)
        if is_loud:
            self.last_sound = place + len(samples)
        # A person may wait for the caller to speak first: whose line is open is heard.
        if not self.has_sound.is_set() and (is_loud or lane.identity.startswith(DESK_PREFIX)):
            self.has_sound.set()
            self._on_first_sound(self, place + (first_sound(samples) if is_loud else 0))
        if ear is not None and (utterance := ear.hear(samples, place)):
            self._on_utterance(utterance)
