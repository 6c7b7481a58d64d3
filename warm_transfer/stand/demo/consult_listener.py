"""A hidden listener in the consult room: hears and records, can't be seen, heard or written to."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from livekit import api, rtc

from warm_transfer.stand.caller.downlink import RATE_HZ, CallClock, Downlink, Samples, write_wav
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess

LISTENER = "consult-listener"
"""Identity in the consult room; RoomService lists hidden participants too."""

_TOKEN_TTL = timedelta(seconds=60)  # only the connect needs it
_NETWORK_TIMEOUT_S = 5.0


class ConsultListener:
    """Records every voice of the consult room on the caller's clock, so that both recordings align."""

    def __init__(self, access: ServerAccess, clock: CallClock) -> None:
        self._access = access
        self._downlink = Downlink(clock)

    async def record(self, room_name: str, on_fault: Callable[[str], None]) -> None:
        """Join, listen until the room is closed or this is cancelled, and leave; says if it can't join."""
        room, closed = rtc.Room(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            readers: list[asyncio.Task[None]] = []

            def listen(track: rtc.Track, publication: object, who: rtc.RemoteParticipant) -> None:
                if track.kind == rtc.TrackKind.KIND_AUDIO:
                    readers.append(tasks.create_task(self._read(track, room_name, who.identity)))

            room.on("track_subscribed", listen)
            room.on("disconnected", lambda _: closed.set())
            try:
                token = listener_token(self._access, room_name)
                await asyncio.wait_for(room.connect(self._access.url, token), _NETWORK_TIMEOUT_S)
                await closed.wait()
            except (rtc.ConnectError, TimeoutError):
                on_fault(f"the hidden listener could not join {room_name}: consult.wav is empty")
            finally:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(room.disconnect(), _NETWORK_TIMEOUT_S)
                for reader in readers:
                    reader.cancel()

    def recorded(self) -> Samples:
        """All voices mixed, from the start of the call: int16[n_samples] at 48 kHz."""
        return self._downlink.mixed()

    def save(self, folder: Path) -> None:
        """Write consult.wav."""
        write_wav(folder / "consult.wav", self.recorded())

    async def _read(self, track: rtc.Track, room: str, identity: str) -> None:
        lane = self._downlink.open_lane(room=room, identity=identity, track_name=track.name)
        stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                self._downlink.add(lane, np.frombuffer(event.frame.data, np.int16))
        finally:
            await stream.aclose()


def listener_token(access: ServerAccess, room: str) -> str:
    """A token that lets its holder hear one room and nothing else."""
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        hidden=True,
        can_subscribe=True,
        can_publish=False,
        can_publish_data=False,
        can_update_own_metadata=False,
    )
    token = api.AccessToken(access.api_key, access.api_secret)
    return token.with_identity(LISTENER).with_grants(grants).with_ttl(_TOKEN_TTL).to_jwt()
