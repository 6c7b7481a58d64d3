"""Whether the caller can be heard in a room, and whether the caller is still there: as events, never polled."""

import asyncio

from livekit import rtc


class CallerPresence:
    """Watches one identity in one room. `gone` is also set when the room itself goes away."""

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self._room = room
        self._identity = identity
        self.heard = asyncio.Event()
        """The caller's microphone is subscribed here, or the caller types and has none."""
        self.gone = asyncio.Event()
        room.on("track_subscribed", self._note_track)
        room.on("participant_disconnected", self._note_leave)
        room.on("disconnected", self._note_end)
        caller = room.remote_participants.get(identity)
        for publication in caller.track_publications.values() if caller else ():
            if publication.track is not None:
                self._note_track(publication.track, publication, caller)

    def subscribe(self) -> None:
        """Begin to hear the caller in a room that was joined deaf."""
        self._room.on("track_published", self._subscribe_to)
        caller = self._room.remote_participants.get(self._identity)
        if caller is None:
            self.gone.set()
            return
        for publication in caller.track_publications.values():
            self._subscribe_to(publication, caller)
        if not any(one.kind == rtc.TrackKind.KIND_AUDIO for one in caller.track_publications.values()):
            self.heard.set()

    def close(self) -> None:
        """Leave no handler behind."""
        self._room.off("track_subscribed", self._note_track)
        self._room.off("track_published", self._subscribe_to)
        self._room.off("participant_disconnected", self._note_leave)
        self._room.off("disconnected", self._note_end)

    def _subscribe_to(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(True)

    def _note_track(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant | None) -> None:
        is_callers = participant is not None and participant.identity == self._identity
        if is_callers and track.kind == rtc.TrackKind.KIND_AUDIO:
            self.heard.set()

    def _note_leave(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity:
            self.gone.set()

    def _note_end(self, _: object) -> None:
        self.gone.set()
