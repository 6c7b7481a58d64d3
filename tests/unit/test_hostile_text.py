"""Text made to be slow must not hold a call up: reading runs beside its audio."""

import time

import pytest

from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.consent import caller_asked_for_transfer, has_consent
from warm_transfer.transfer.understanding.drafting import draft_briefing

LENGTH = 4000
BUDGET_S = 3.0
"""It takes 0.2 s; the patterns that this found took from 6 s to a minute."""


@pytest.mark.parametrize(
    "part", ["a-", "1,", "$1,", "twenty five ", "hi ", "my name is ", "not ", "i want ", "' ", "1."]
)
def test_long_repeated_text_is_read_in_time(part: str) -> None:
    turn = Turn(turn_id="t1_1", speaker="caller", text=(part * LENGTH)[:LENGTH], at=0.0)
    started = time.perf_counter()
    draft_briefing([turn], reason="")
    caller_asked_for_transfer([turn])
    has_consent([turn])
    assert time.perf_counter() - started < BUDGET_S
