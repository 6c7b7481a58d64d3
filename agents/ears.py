"""Hears after a reconnect whom it heard before.

A client that joins anew, as after a server's restart, is told of the tracks that are there before it can send again: a
subscription that is asked for then is lost without a word (livekit 1.1.21, measured with a caller who is back first).
"""

from livekit import rtc


def hear_again(room: rtc.Room, identity: str | None = None) -> None:
    """After every reconnect subscribe again to the sound of this participant, or of everybody."""

    def subscribe() -> None:
        for participant in room.remote_participants.values():
            if identity in (None, participant.identity):
                for publication in participant.track_publications.values():
                    if publication.kind == rtc.TrackKind.KIND_AUDIO:
                        publication.set_subscribed(True)

    room.on("reconnected", subscribe)
