"""Which of a transfer's events are facts for the call log."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer import events
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.terms import WAIT_S, Offer


class Fact(NamedTuple):
    """One line of the log, still without its transfer."""

    type: CallEvent
    payload: Mapping[str, Any] = {}


def fact_of(event: Event, offer: Offer | None, *, is_moving: bool, final_room: str) -> Fact | None:
    """What the log is told of an event that the table took; None of one that is no news to it.

    `is_moving`: the caller was on the way to the target.
    """
    target = offer.target if offer else ""
    match event:
        case events.TransferOffered(made):
            return Fact(CallEvent.TRANSFER_OFFERED, {"skill": made.skill, "target": made.target, "reason": made.reason})
        case events.OfferWithdrawn():
            return Fact(CallEvent.OFFER_WITHDRAWN)
        case events.TransferRequested():
            return Fact(CallEvent.TRANSFER_REQUESTED, {"target": target})
        case events.HoldDue() if not is_moving:
            return Fact(CallEvent.CALLER_HELD)
        case events.TargetAnswered(identity):
            return Fact(CallEvent.TARGET_ANSWERED, {"identity": identity})
        case events.QuestionAsked(question):
            return Fact(CallEvent.QUESTION_ASKED, {"question": question})
        case events.MoreTimeAsked():
            return Fact(CallEvent.MORE_TIME_GIVEN, {"target": target, "added_s": WAIT_S})
        case events.TargetAccepted():
            return Fact(CallEvent.TARGET_ACCEPTED)
        case events.TargetDeclined(reason):
            return Fact(CallEvent.TARGET_DECLINED, {"reason": reason})
        case events.CallerMoved():
            return Fact(CallEvent.CALLER_MOVED, {"final_room": final_room})
        case _:
            return None
