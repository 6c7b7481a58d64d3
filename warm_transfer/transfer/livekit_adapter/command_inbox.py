"""Where a job hears the control API: data that the server itself sends, each command once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from livekit import rtc

from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer.control_wire import COMMAND_TOPIC, ControlCommand, SignedCommand, read_command
from warm_transfer.transfer.errors import WarmTransferError, WireError
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess
from warm_transfer.transfer.ports import Record

logger = logging.getLogger(__name__)

Apply = Callable[[ControlCommand, str], Awaitable[None]]
"""Carries a command with its id out; WarmTransferError says why not, and then nothing was changed."""


class CommandInbox:
    """Hears commands in one room, from now until `aclose()`; carries them out one after the other.

    Every command that is ours and new is answered by one event in the call log. Any other one is dropped, and the
    sender, who may be anybody, learns nothing.
    """

    def __init__(
        self,
        room: rtc.Room,
        access: ServerAccess,
        *,
        call_id: str,
        record: Record,
        apply: Apply,
        seen: Collection[str] = (),
    ) -> None:
        """`seen`: ids that an earlier job of this call has answered."""
        self._room = room
        self._access = access
        self._call_id = call_id
        self._record = record
        self._apply = apply
        self._seen = set(seen)
        self._waiting: asyncio.Queue[SignedCommand] = asyncio.Queue()
        self._worker = asyncio.create_task(self._carry_out_all(), name="commands")
        room.on("data_received", self._take)

    async def aclose(self) -> None:
        """Hear nothing any more; a command that is being carried out is cut short."""
        self._room.off("data_received", self._take)
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    def _take(self, packet: rtc.DataPacket) -> None:
        if packet.topic != COMMAND_TOPIC:
            return
        if packet.participant is not None:  # the server's own data has no sender
            logger.warning("command dropped", extra={"why": "sent by a participant"})
            return
        try:
            signed = read_command(
                packet.data, call_id=self._call_id, api_key=self._access.api_key, api_secret=self._access.api_secret
            )
        except WireError as error:
            logger.warning("command dropped", extra={"why": error.sentence})
            return
        if signed.jti in self._seen:
            logger.warning("command dropped", extra={"why": "seen before"})
            return
        self._seen.add(signed.jti)
        self._waiting.put_nowait(signed)

    async def _carry_out_all(self) -> None:
        while True:
            signed = await self._waiting.get()
            about = {"command_id": signed.jti, "command": signed.command.type}
            try:
                await self._apply(signed.command, signed.jti)
            except WarmTransferError as error:
                self._record(CallEvent.COMMAND_REFUSED, about | {"code": error.code, "reason": error.sentence})
            except Exception:  # the edge between the wire and the call: a bug in one command must not end them all
                logger.exception("command failed")
                failed = {"code": "internal", "reason": "the command failed: see the worker's log"}
                self._record(CallEvent.COMMAND_REFUSED, about | failed)
            else:
                self._record(CallEvent.COMMAND_APPLIED, about)
