"""One agent's connection to the consult room, beside the room of its job."""

import asyncio
import logging
from collections.abc import Callable

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from warm_transfer.transfer.errors import TargetUnavailableError, WireError
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess
from warm_transfer.transfer.livekit_adapter.tokens import consult_token
from warm_transfer.transfer.wire import CONSULT_TOPIC, ConsultMessage, read_consult_message

logger = logging.getLogger(__name__)


class ConsultLink:
    """Sends and receives consult messages. Only what `peer` sends is heard; order is kept (reliable packets).

    A job's end is bound to its own room alone, so a second `rtc.Room` can come and go (facts of livekit-agents 1.8.9).
    """

    def __init__(self, access: ServerAccess, *, room: str, identity: str, peer: str) -> None:
        self._access = access
        self._room_name = room
        self._identity = identity
        self._peer = peer
        self.room = rtc.Room()
        self.hears_unannounced = True
        """Takes messages from somebody whom the room has not announced yet for the peer's."""
        self._peer_seen = asyncio.Event()
        self._gone = asyncio.Event()
        """The room let us go."""
        self._is_closing = False
        self._connecting: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def connect(self, *, on_message: Callable[[ConsultMessage], None], on_peer_left: Callable[[], None]) -> None:
        """Join the consult room; handlers are in place before anything can arrive.

        May be cancelled; then `close()` waits for the native client. Cancelling `rtc.Room.connect` itself would leave
        it to join with nobody to answer it, and after 10 s it panics and takes the whole process along (rtc 1.1.21).

        Raises:
            TargetUnavailableError: the room can't be joined in time.
        """
        self._on_message = on_message
        self._on_peer_left = on_peer_left
        self.room.on("data_received", self._take_packet)
        self.room.on("participant_connected", self._see_peer)
        self.room.on("participant_disconnected", self._miss_peer)
        self.room.on("disconnected", self._miss_room)
        token = consult_token(self._access, room=self._room_name, identity=self._identity)
        try:
            self._connecting = asyncio.create_task(self.room.connect(self._access.url, token))
            await asyncio.wait_for(asyncio.shield(self._connecting), self._access.rpc_timeout_s)
        except (rtc.ConnectError, TimeoutError) as error:
            raise TargetUnavailableError("the consult room can't be joined") from error
        for participant in self.room.remote_participants.values():
            self._see_peer(participant)

    @property
    def name(self) -> str:
        """The room's."""
        return self._room_name

    @property
    def peer(self) -> str:
        """Identity of the other side."""
        return self._peer

    @property
    def has_peer(self) -> bool:
        """Whether the other side has been seen in the consult room."""
        return self._peer_seen.is_set()

    async def wait_for_peer(self) -> None:
        """Return once the other side is in the consult room.

        Raises:
            TargetUnavailableError: the room ended before.
        """
        waits = [asyncio.create_task(one.wait()) for one in (self._peer_seen, self._gone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self.has_peer:
            raise TargetUnavailableError("the consult room is gone")

    async def send(self, message: ConsultMessage, *, to: str | None = None) -> None:
        """Send one message to the other side, or to another participant of the room.

        Raises:
            TargetUnavailableError: this connection is gone.
        """
        try:
            await asyncio.wait_for(
                self.room.local_participant.publish_data(
                    message.model_dump_json(), topic=CONSULT_TOPIC, destination_identities=[to or self._peer]
                ),
                self._access.rpc_timeout_s,
            )
        except (PublishDataError, TimeoutError) as error:
            raise TargetUnavailableError("the consult room is gone") from error

    async def close(self) -> None:
        """Leave the consult room; safe to call twice.

        Who waits for us does not wait for a join that hangs, as into a room that is deleted meanwhile (15 s): that one
        is left as soon as it is over. The room that it makes anew then goes by itself.
        """
        self._is_closing = True
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave(), name="leave the consult room")
        done, _ = await asyncio.wait({self._leaving}, timeout=self._access.rpc_timeout_s)
        for left in done:
            left.result()

    async def _leave(self) -> None:
        if self._connecting is not None:
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self.room.disconnect()

    def _take_packet(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant.identity if packet.participant else None
        if packet.topic != CONSULT_TOPIC or sender not in (self._peer, None):
            return
        if sender is None:
            if not self.hears_unannounced:
                return
            # Announced after its first packet; nobody but the two agents has a token that may send here.
            self._peer_seen.set()
        try:
            message = read_consult_message(packet.data)
        except WireError as error:
            logger.warning("consult message dropped", extra={"why": error.sentence})
            return
        self._on_message(message)

    def _see_peer(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._peer:
            self._peer_seen.set()

    def _miss_peer(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._peer and not self._is_closing:
            self._on_peer_left()

    def _miss_room(self, _: object) -> None:
        self._gone.set()
        if not self._is_closing:
            self._on_peer_left()
