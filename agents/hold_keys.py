"""A held caller's phone keys: 1 how long, 2 cancel, 3 leave a message."""

from collections.abc import Callable

from livekit import rtc

from warm_transfer.transfer import events
from warm_transfer.transfer.coordinator import Coordinator
from warm_transfer.transfer.states import Consulting, Ringing


class HoldKeys:
    """Hears the caller's keys (DTMF) in the caller room, from now until `close()`; only on hold they mean something."""

    def __init__(
        self,
        room: rtc.Room,
        caller_identity: str,
        *,
        coordinator: Coordinator,
        say: Callable[[str], object],
        leave_message: Callable[[str], object],
    ) -> None:
        """`say` gets the key of a fixed phrase."""
        self._room = room
        self._caller_identity = caller_identity
        self._coordinator = coordinator
        self._say = say
        self._leave_message = leave_message
        self._message_for: str | None = None
        """The transfer in whose hold the caller was asked for a message, until it is said."""
        room.on("sip_dtmf_received", self._press)

    def close(self) -> None:
        """Leave no handler behind."""
        self._room.off("sip_dtmf_received", self._press)

    def take_message(self, text: str) -> bool:
        """Keep these words of the held caller, if they are the message that was asked for; they get no other answer."""
        transfer = self._held_in()
        if transfer is None or transfer != self._message_for or not text.strip():
            return False
        self._message_for = None
        self._leave_message(text)
        self._say("keys.noted")
        return True

    def _held_in(self) -> str | None:
        situation = self._coordinator.situation
        return situation.offer.transfer_id if isinstance(situation, Ringing | Consulting) else None

    def _press(self, pressed: rtc.SipDTMF) -> None:
        transfer = self._held_in()
        if transfer is None or pressed.participant is None or pressed.participant.identity != self._caller_identity:
            return
        self._message_for = None  # another key instead of a message
        match pressed.digit:
            case "1":
                self._say(f"keys.{self._coordinator.situation.state.value}")
            case "2":
                self._coordinator.post(events.CancelRequested())
            case "3":
                self._message_for = transfer
                self._say("keys.ask_message")
            case _:
                pass
