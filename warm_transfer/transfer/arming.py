"""What is made ready for a transfer while the caller is asked for consent, as the coordinator knows it."""

import logging
from collections.abc import Callable

from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer import events
from warm_transfer.transfer.errors import WarmTransferError
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.inbox import Inbox
from warm_transfer.transfer.ports import OpenedRooms, TargetLine
from warm_transfer.transfer.terms import Move, Offer

logger = logging.getLogger(__name__)


class Arming:
    """One offer's: from the offer to the consult that takes it over, or to its undoing.

    Nothing here decides on the transfer: what goes wrong becomes ArmingFailed, and the consult begins from nothing.
    """

    def __init__(self, offer: Offer, move: Move, *, inbox: Inbox, log: Callable[..., None]) -> None:
        """`log` writes one event of the transfer, with its payload by name."""
        self._offer = offer
        self._move = move
        self._inbox = inbox
        self._log = log
        self._rooms: OpenedRooms | None = None
        self._is_over = False
        """Taken over or undone: what it tells is of no interest any more."""

    async def begin(self, target: TargetLine) -> None:
        """Make everything ready; never raises."""
        try:
            await target.arm(self._offer, self._move, self._take, self._note_rooms)
        except WarmTransferError as error:
            self._fail(error.sentence)
        except Exception as error:  # a bug in what is only tried ahead must not cost the transfer
            logger.error("arming failed", exc_info=error)
            self._fail(type(error).__name__)

    def hand_over(self, opened: OpenedRooms) -> None:
        """The consult has these rooms: ours, unless they could not be used."""
        if self._rooms is not None and opened is not self._rooms:
            self.end("it could not be used")
        self._is_over = True

    def end(self, reason: str) -> None:
        """It is being undone, for this reason."""
        if self._rooms is not None and not self._is_over:
            self._log(CallEvent.TRANSFER_DISARMED, transfer_id=self._offer.transfer_id, reason=reason)
        self._is_over = True

    def _note_rooms(self, rooms: OpenedRooms) -> None:
        self._rooms = rooms
        self._log(
            CallEvent.TRANSFER_ARMED,
            transfer_id=self._offer.transfer_id,
            target=self._offer.target,
            consult_room=rooms.consult_room,
            final_room=rooms.final_room,
            move=self._move.value,
        )

    def _take(self, event: Event) -> None:
        """What the target tells before its time; that it is there, the consult is told anew."""
        match event:
            case events.TargetAnswered():
                pass
            case events.TargetUnavailable(reason) | events.TargetDeclined(reason):
                self._fail(reason)
            case _:
                self._fail(type(event).__name__)

    def _fail(self, reason: str) -> None:
        self._inbox.put(events.ArmingFailed(reason), is_current=lambda: not self._is_over)
