"""Rooms and dispatches through LiveKit's server API; every call has a deadline."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.wire import AHEAD_TRACK

T = TypeVar("T")

DEPARTURE_TIMEOUT_S = 30
"""A room waits for a caller whose connection was lost for longer than any LOST_GRACE_S."""

ALIVE_S = 1.0
"""A client answers within 15 ms."""
ALIVE_FACTOR = 1.5
"""The server looks for a participant who is not there for 3 s."""
ALIVE_METHOD = "wt.alive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccess:
    """How to reach the LiveKit server, and as whom."""

    url: str
    api_key: str
    api_secret: str
    rpc_timeout_s: float

    @classmethod
    def of(cls, settings: Settings) -> "ServerAccess":
        """The settings' server."""
        return cls(
            url=settings.livekit_url,
            api_key=settings.livekit_api_key,
            api_secret=settings.livekit_api_secret.get_secret_value(),
            rpc_timeout_s=settings.rpc_timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """A dispatch as its room lists it."""

    dispatch_id: str
    metadata: str
    job_ids: tuple[str, ...]
    """Of the jobs that came of it; none if it was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Who is in a room."""

    identity: str
    joined_at_ms: int
    """Since the epoch, by the server's clock."""
    is_publishing: bool
    is_ahead: bool = False
    """A caller who waits, muted, to be told to move."""
    attributes: Mapping[str, str] = field(default_factory=dict)


def new_room_name(kind: str) -> str:
    """A room name with 128 random bits, so that nobody can guess a consult room from a caller room."""
    return f"{kind}-{secrets.token_hex(16)}"


class Rooms:
    """LiveKit's room and dispatch services. An async context manager; closes its connection pool."""

    def __init__(self, access: ServerAccess) -> None:
        self._access = access

    async def __aenter__(self) -> "Rooms":
        self._api = api.LiveKitAPI(self._access.url, self._access.api_key, self._access.api_secret)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.aclose()

    async def create(self, name: str, *, empty_timeout_s: float) -> None:
        """Create a room that closes after this long if nobody comes, and soon after the last person left."""
        request = api.CreateRoomRequest(
            name=name, empty_timeout=round(empty_timeout_s), departure_timeout=DEPARTURE_TIMEOUT_S
        )
        await self._make("create a room", self._api.room.create_room(request))

    async def delete(self, name: str) -> None:
        """Delete a room; everybody in it is disconnected. A room that is already gone is fine."""
        try:
            await self._within("delete a room", self._api.room.delete_room(api.DeleteRoomRequest(room=name)))
        except TargetUnavailableError as error:
            if not _is_not_found(error):
                raise

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        """Ask for a job of ours in a room. The answer proves nothing: wait for the participant.

        Returns:
            the dispatch id.
        """
        request = api.CreateAgentDispatchRequest(agent_name=agent_name, room=room, metadata=metadata)
        made = await self._make("dispatch an agent", self._api.agent_dispatch.create_dispatch(request))
        return made.id

    async def dispatches(self, name: str, agent_name: str) -> list[Dispatched]:
        """What was asked for in a room under this agent name, lost dispatches too."""
        listed = await self._within("list dispatches", self._api.agent_dispatch.list_dispatch(name))
        return [
            Dispatched(dispatch_id=one.id, metadata=one.metadata, job_ids=tuple(job.id for job in one.state.jobs))
            for one in listed
            if one.agent_name == agent_name
        ]

    async def describe(self, name: str, metadata: str) -> None:
        """Set a room's metadata, which everybody in it sees; a room that is gone is fine."""
        request = api.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        try:
            await self._within("describe a room", self._api.room.update_room_metadata(request))
        except TargetUnavailableError as error:
            if not _is_not_found(error):
                raise

    async def names(self, among: Collection[str] = ()) -> set[str]:
        """Every room that the server has, of those named if any are."""
        request = api.ListRoomsRequest(names=list(among))
        listed = await self._within("list rooms", self._api.room.list_rooms(request))
        return {room.name for room in listed.rooms}

    async def people(self, name: str) -> set[str]:
        """Identities of everybody in a room; empty for a room that does not exist."""
        return {one.identity for one in await self.participants(name)}

    async def attributes(self, name: str) -> dict[str, Mapping[str, str]]:
        """Of everybody in a room, by identity; empty for a room that does not exist."""
        return {one.identity: one.attributes for one in await self.participants(name)}

    async def participants(self, name: str) -> list[Participant]:
        """Everybody in a room, as the server knows them; nobody in a room that does not exist.

        A room itself announces somebody who publishes nothing up to 3 s late.
        """
        try:
            listed = await self._within(
                "list participants", self._api.room.list_participants(api.ListParticipantsRequest(room=name))
            )
        except TargetUnavailableError as error:
            if _is_not_found(error):
                return []
            raise
        return [
            Participant(
                identity=one.identity,
                joined_at_ms=one.joined_at_ms,
                is_publishing=len(one.tracks) > 0,
                is_ahead=any(track.name == AHEAD_TRACK and track.muted for track in one.tracks),
                attributes=dict(one.attributes),
            )
            for one in listed.participants
        ]

    async def remove(self, name: str, identity: str) -> None:
        """Remove a participant from a room; one who is not there is fine."""
        request = api.RoomParticipantIdentity(room=name, identity=identity)
        try:
            await self._within("remove a participant", self._api.room.remove_participant(request))
        except TargetUnavailableError as error:
            if not _is_not_found(error):
                raise

    async def move(self, name: str, identity: str, destination: str) -> None:
        """Have the server put a participant into another room; a stock server answers that it can't."""
        request = api.MoveParticipantRequest(room=name, identity=identity, destination_room=destination)
        await self._within("move the caller", self._api.room.move_participant(request))

    async def send(self, name: str, identity: str, topic: str, payload: bytes) -> None:
        """Send data as the server itself to one participant of a room; the answer proves nothing."""
        request = api.SendDataRequest(
            room=name,
            data=payload,
            kind=api.DataPacket.Kind.RELIABLE,
            topic=topic,
            destination_identities=[identity],
            nonce=secrets.token_bytes(16),
        )
        await self._within("send data", self._api.room.send_data(request))

    async def answers(self, name: str, identity: str) -> bool:
        """Whether a participant's process lives: a ghost, whom the server keeps for 20 s, does not answer an RPC.

        Any method does: a client refuses one that it does not know by itself. livekit-api 1.2 has no wrapper for it.

        Raises:
            TargetUnavailableError: the server is away, or too old to ask.
        """
        request = PerformRpcRequest(
            room=name,
            destination_identity=identity,
            method=ALIVE_METHOD,
            response_timeout_ms=round(ALIVE_S * 1000),
        )
        grants = api.VideoGrants(room_admin=True, room=name)
        service = self._api.room
        asking = service._client.request(
            "RoomService", "PerformRpc", request, service._auth_header(grants), PerformRpcResponse
        )
        try:
            await asyncio.wait_for(asking, ALIVE_FACTOR * ALIVE_S)
        except TimeoutError:  # nobody of this name is there
            return False
        except (api.TwirpError, aiohttp.ClientError) as error:
            if told := _RPC_ERROR.search(str(error)):
                return told[1] not in _NO_ANSWER
            raise TargetUnavailableError("the LiveKit server could not ask a participant") from error
        return True

    async def missing(self, names: Collection[str]) -> set[str]:
        """Those of the named rooms that the server does not have. Joining such a room would make it anew."""
        return set(names) - await self.names(names)

    async def sids(self, names: Collection[str]) -> dict[str, str]:
        """The server's id of each of the named rooms that it has: another one once the room was made anew."""
        listed = await self._within("list rooms", self._api.room.list_rooms(api.ListRoomsRequest(names=list(names))))
        return {room.name: room.sid for room in listed.rooms}

    async def _make(self, what: str, call: Awaitable[T]) -> T:
        """As `_within`; who is cancelled waits for the answer, so that what undoes it is not overtaken.

        A dispatch that the server handles after the room was deleted makes the room anew, for 300 s.
        """
        making = asyncio.ensure_future(self._within(what, call))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.gather(making, return_exceptions=True)
            raise

    async def _within(self, what: str, call: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(call, self._access.rpc_timeout_s)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            raise TargetUnavailableError(f"the LiveKit server could not {what}") from error


_RPC_ERROR = re.compile(r"\bRpcError (\d{4})\b")
_NO_ANSWER = {"1401", "1501", "1502", "1503"}
"""LiveKit's RPC error codes: recipient not found, connection timeout, response timeout, recipient disconnected."""


def _is_not_found(error: TargetUnavailableError) -> bool:
    cause = error.__cause__
    return isinstance(cause, api.TwirpError) and cause.code == api.TwirpErrorCode.NOT_FOUND
