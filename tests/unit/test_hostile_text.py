"""Text made to be slow must not hold a call up: reading runs beside its audio."""

import time

import pytest

from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.consent import caller_asked_for_transfer, has_consent
from warm_transfer.transfer.understanding.drafting import draft_briefing
from warm_transfer.transfer.understanding.privacy import PRIVATE_KINDS

LENGTH = 4000
BUDGET_S = 3.0
"""It takes 0.2 s; the patterns that this found took from 6 s to a minute."""


@pytest.mark.parametrize(
    "part",
    [
        "a-",
        "1,",
        "$1,",
        "twenty five ",
        "hi ",
        "my name is ",
        "not ",
        "i want ",
        "' ",
        "1.",
        "a.b ",
        "a dot ",
        "AB12 ",
        "one and ",
        "27 Maple ",
        "my address is ",
        "born on the ",
        "Ann Poe, ",
        "if i ",
        "tell them ",
        "card 12 ",
        "no, I mean Ann. ",
        "the ",
    ],
)
def test_long_repeated_text_is_read_in_time(part: str) -> None:
    turn = Turn(turn_id="t1_1", speaker="caller", text=(part * LENGTH)[:LENGTH], at=0.0)
    started = time.perf_counter()
    draft_briefing([turn], reason="", withheld=PRIVATE_KINDS)
    caller_asked_for_transfer([turn])
    has_consent([turn])
    assert time.perf_counter() - started < BUDGET_S
