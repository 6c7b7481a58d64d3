"""Which way a caller goes to a target: what the client, the server and this call so far allow."""

from collections.abc import Collection

from livekit import rtc

from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import CLIENT_ATTRIBUTE


def best_move(room: rtc.Room, identity: str, *, can_cloud_move: bool, failed: Collection[Move]) -> Move:
    """How this caller would best get to a target; a way that failed in this call is not tried again."""
    caller = room.remote_participants.get(identity)  # looked up anew: a caller who came back is another object
    # The proof of a move is the caller's microphone in the final room: who only types is joined instead.
    if caller is None or not _has_microphone(caller):
        return Move.JOIN_CALLER_ROOM
    if caller.attributes.get(CLIENT_ATTRIBUTE) == "1" and Move.CLIENT_MOVE not in failed:
        return Move.CLIENT_MOVE
    if can_cloud_move and Move.CLOUD_MOVE not in failed:
        return Move.CLOUD_MOVE
    return Move.JOIN_CALLER_ROOM


def _has_microphone(caller: rtc.RemoteParticipant) -> bool:
    return any(one.kind == rtc.TrackKind.KIND_AUDIO for one in caller.track_publications.values())
