"""Whether the person from the desk is in the final room: heard, away for a moment, or gone."""

import asyncio
from collections.abc import Callable

from livekit import rtc

from agents.ears import hear_again


class DeskPresence:
    """Watches one identity in one room, from now until `close()`.

    A page that is loaded again leaves cleanly and may come back within the grace; after a lost connection, of which
    LiveKit tells after 20 s, nobody is waited for.
    """

    def __init__(self, room: rtc.Room, identity: str, *, rejoin_grace_s: float, on_gone: Callable[[], None]) -> None:
        self._room = room
        self._identity = identity
        self._rejoin_grace_s = rejoin_grace_s
        self._on_gone = on_gone
        self._waiting: asyncio.TimerHandle | None = None
        hear_again(room, identity)
        self.heard = asyncio.Event()
        """The person's microphone is subscribed here."""
        room.on("track_published", self._subscribe)
        room.on("track_subscribed", self._note_track)
        room.on("participant_connected", self._note_return)
        room.on("participant_disconnected", self._note_leave)
        person = room.remote_participants.get(identity)
        for publication in person.track_publications.values() if person else ():
            self._subscribe(publication, person)
            if publication.track is not None:
                self._note_track(publication.track, publication, person)

    def close(self) -> None:
        """Leave no handler and no timer behind."""
        self._stop_waiting()
        self._room.off("track_published", self._subscribe)
        self._room.off("track_subscribed", self._note_track)
        self._room.off("participant_connected", self._note_return)
        self._room.off("participant_disconnected", self._note_leave)

    def _is_ours(self, participant: rtc.RemoteParticipant | None) -> bool:
        return participant is not None and participant.identity == self._identity

    def _subscribe(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant | None) -> None:
        if self._is_ours(participant) and publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(True)

    def _note_track(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant | None) -> None:
        if self._is_ours(participant) and track.kind == rtc.TrackKind.KIND_AUDIO:
            self.heard.set()

    def _note_leave(self, participant: rtc.RemoteParticipant) -> None:
        if not self._is_ours(participant):
            return
        is_clean = participant.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED
        self._stop_waiting()
        grace_s = self._rejoin_grace_s if is_clean else 0.0
        self._waiting = asyncio.get_running_loop().call_later(grace_s, self._on_gone)

    def _note_return(self, participant: rtc.RemoteParticipant) -> None:
        if self._is_ours(participant):
            self._stop_waiting()

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
