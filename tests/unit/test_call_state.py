"""In which state a call is, read from its log: a kill is made in the state that its cell says, or not at all."""

import pytest

from warm_transfer.calls.events import CallEvent as E
from warm_transfer.calls.events import Payload
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.faults.call_state import state_of
from warm_transfer.transfer.terms import State

Step = tuple[E, Payload]

T1, T2 = {"transfer_id": "t1"}, {"transfer_id": "t2"}
GREETED: list[Step] = [(E.CALL_STARTED, {}), (E.TURN_SPOKEN, {"speaker": "agent_a", "text": "Hello."})]
HEARD: list[Step] = [*GREETED, (E.TURN_SPOKEN, {"speaker": "caller", "text": "Hi."})]
OFFERED: list[Step] = [*HEARD, (E.TRANSFER_OFFERED, T1)]
RINGING: list[Step] = [*OFFERED, (E.TRANSFER_REQUESTED, T1), (E.ATTEMPT_BEGUN, T1 | {"target": "billing"})]
CONSULTING: list[Step] = [*RINGING, (E.TARGET_ANSWERED, T1 | {"identity": "b"})]
MOVING: list[Step] = [*CONSULTING, (E.TARGET_ACCEPTED, T1), (E.MOVE_BEGUN, T1)]
WITH_B: list[Step] = [*MOVING, (E.CALLER_MOVED, T1), (E.TRANSFER_ENDED, T1 | {"disposition": "completed"})]
FAILED: Step = (E.TRANSFER_ENDED, T1 | {"disposition": "failed"})
NEXT: list[Step] = [(E.ATTEMPT_ENDED, T1 | {"disposition": "declined"}), (E.ATTEMPT_BEGUN, T1 | {"target": "other"})]
AGAIN: list[Step] = [(E.TRANSFER_OFFERED, T2), (E.TRANSFER_REQUESTED, T2), (E.ATTEMPT_BEGUN, T2 | {"target": "b"})]


def state_after(steps: list[Step]) -> State | None:
    return state_of(
        [
            LoggedEvent(seq=n, event_id=str(n), call_id="c", call_seq=n, at=float(n), type=str(type), payload=payload)
            for n, (type, payload) in enumerate(steps, start=1)
        ]
    )


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], None),
        (GREETED, None),
        (HEARD, State.TALKING),
        (OFFERED, State.OFFERED),
        ([*OFFERED, (E.OFFER_WITHDRAWN, T1)], State.TALKING),
        (RINGING, State.RINGING),
        (CONSULTING, State.CONSULTING),
        ([*CONSULTING, *NEXT], State.RINGING),
        (MOVING, State.MOVING),
        (WITH_B, State.ENDED),
        ([*CONSULTING, FAILED], State.TALKING),
        ([*CONSULTING, FAILED, *AGAIN], State.RINGING),
        ([*WITH_B, (E.JOB_STARTED, {"role": "agent_a", "identity": "a2"})], State.TALKING),
        ([*WITH_B, (E.CALL_ENDED, {})], None),
    ],
)
def test_state_is_what_the_log_tells(steps: list[Step], state: State | None) -> None:
    assert state_after(steps) is state
