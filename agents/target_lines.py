"""The way to every target on the roster, AI or person."""

from collections.abc import Callable

from agents.consult_speech import ConsultSpeech, consult_voice
from agents.house import House
from agents.prompts import DISMISSED
from agents.providers.catalog import Models
from agents.roster_line import RosterLine
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.transfer.coordinator import Coordinator
from warm_transfer.transfer.livekit_adapter.human_line import HumanTargetLine
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, LiveKitTargetLine
from warm_transfer.transfer.ports import Record, TargetLine
from warm_transfer.transfer.terms import MOST_WAITS, WAIT_S, Disposition, State


def target_line(
    house: House,
    *,
    parties: CallParties,
    rooms: Rooms,
    models: Models,
    record: Record,
    coordinator: Callable[[], Coordinator],
) -> TargetLine:
    """Opens the consults of one call; `models` are Agent A's, who speaks in them."""
    settings, book = house.settings, house.book

    def note_heard(by: str, text: str) -> None:
        if (open_offer := coordinator().offer) is not None:
            heard = {"transfer_id": open_offer.transfer_id, "by": by, "text": text}
            record(CallEvent.CONSULT_HEARD, heard)

    longest_s = settings.ring_timeout_s + settings.consult_timeout_s + settings.move_timeout_s
    farewells = {Disposition(one): book.text(f"dismissed.{one}") for one in DISMISSED}
    to_models = LiveKitTargetLine(
        access=house.access,
        rooms=rooms,
        parties=parties,
        consult_mode=settings.consult_mode,
        room_timeout_s=longest_s,
        arm_ttl_s=settings.arm_ttl_s,
        ring_timeout_s=settings.ring_timeout_s,
        dispatch_timeout_s=settings.dispatch_timeout_s,
        voice=consult_voice(settings, models, book, note_heard),
        farewells=farewells,
    )
    to_people = HumanTargetLine(
        access=house.access,
        rooms=rooms,
        parties=parties,
        board=PresenceBoard(house.log),
        record=record,
        make_voice=lambda on_heard: ConsultSpeech(
            voice=models.voice, recognizer=models.streaming_ear(), book=book, on_heard=on_heard
        ),
        farewells=farewells,
        decision=book.text("take_call"),
        has_accepted=lambda: coordinator().situation.state in (State.MOVING, State.ENDED),
        ring_timeout_s=settings.ring_timeout_s,
        dispatch_timeout_s=settings.dispatch_timeout_s,
        longest_s=longest_s + MOST_WAITS * WAIT_S,
    )
    return RosterLine(house.roster, models=to_models, people=to_people)
