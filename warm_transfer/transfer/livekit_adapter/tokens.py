"""Tokens for one room and one identity each, with no more rights than their holder needs."""

import secrets
from datetime import timedelta

from livekit import api

from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess
from warm_transfer.transfer.wire import CLIENT_ATTRIBUTE, DESK_PREFIX

MOVE_TOKEN_TTL = timedelta(seconds=60)
"""LiveKit tokens can't be one-use; a minute is enough for a client that moves at once."""
CALLER_TOKEN_TTL = timedelta(minutes=10)
"""Only the first connect needs it; a person may take a while to press the button."""


def consult_token(access: ServerAccess, *, room: str, identity: str) -> str:
    """A token for one of our own agents in a consult room, and nothing else.

    Who joins after the room was deleted makes it anew, which no grant forbids: such a room goes once it is empty.
    """
    grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=False)
    token = _token(access, identity, grants, MOVE_TOKEN_TTL).with_kind("agent")
    # Not 1 s before somebody comes: joining can take longer, and would then end up in a room of its own.
    return token.with_room_config(api.RoomConfiguration(empty_timeout=5, departure_timeout=1)).to_jwt()


def desk_identity(roster_id: str) -> str:
    """An identity for a person at the desk of this roster id, in a consult and in its final room."""
    return f"{DESK_PREFIX}{roster_id}-{secrets.token_hex(8)}"


def desk_token(access: ServerAccess, *, room: str, identity: str) -> str:
    """A person's token: one room, one identity, microphone and text, no admin grant.

    As with our own: who joins after the room was deleted makes one anew, which goes once it is empty.
    """
    grants = api.VideoGrants(
        room_join=True, room=room, can_publish_sources=["microphone"], can_update_own_metadata=False
    )
    token = _token(access, identity, grants, MOVE_TOKEN_TTL)
    return token.with_room_config(api.RoomConfiguration(empty_timeout=5, departure_timeout=1)).to_jwt()


def caller_token(
    access: ServerAccess,
    *,
    room: str,
    identity: str,
    can_move: bool,
    ttl: timedelta = CALLER_TOKEN_TTL,
    name: str = "",
    dispatch: api.RoomAgentDispatch | None = None,
) -> str:
    """A caller's token: one room, one identity, microphone only, no admin grant.

    `name` is for display and proves nothing. `dispatch` makes a job of ours come into the room when this join creates
    it, as a playground needs it.
    """
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish_sources=["microphone"],
        can_update_own_metadata=False,
    )
    token = _token(access, identity, grants, ttl)
    if name:
        token = token.with_name(name)
    if can_move:
        token = token.with_attributes({CLIENT_ATTRIBUTE: "1"})
    if dispatch is not None:
        token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
    return token.to_jwt()


def _token(access: ServerAccess, identity: str, grants: api.VideoGrants, ttl: timedelta) -> api.AccessToken:
    token = api.AccessToken(access.api_key, access.api_secret)
    return token.with_identity(identity).with_grants(grants).with_ttl(ttl)
