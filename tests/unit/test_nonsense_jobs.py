"""A dispatch with nonsense for metadata: one sentence, no traceback, no job."""

import json
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agents.admission import Admission
from agents.roster import load_roster
from warm_transfer.settings import load_settings
from worker import answer

LOGGERS = {"agents.admission", "worker"}
NONSENSE = [
    "nonsense",
    "[]",
    '{"role": "agent_c"}',
    '{"role": "agent_b"}',
    '{"role": "agent_b", "specialist": "billing"}',
]
UNKNOWN_SPECIALIST = {
    "role": "agent_b",
    "call_id": "c",
    "epoch": 2,
    "transfer_id": "t",
    "specialist": "astrology",
    "identity": "agent_b_astrology-1",
    "agent_a_identity": "agent_a-1",
    "caller_identity": "caller",
    "consult_room": "consult",
    "move": "client_move",
    "consult_mode": "text",
}


@pytest.mark.parametrize("metadata", NONSENSE)
async def test_job_with_nonsense_for_metadata_is_refused_in_one_sentence(
    metadata: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[bool] = []

    async def reject(*, terminate: bool) -> None:
        ended.append(terminate)

    request = SimpleNamespace(job=SimpleNamespace(metadata=metadata), reject=reject)
    admission = Admission(
        cast("Any", SimpleNamespace(active_jobs=[])), max_calls=1, arm_reserve=1, on_passed=lambda _: None
    )
    await admission.admit(cast("Any", request))
    assert ended == [True]
    assert told_in(caplog) == ["job refused"]


@pytest.mark.parametrize("metadata", [*NONSENSE, json.dumps(UNKNOWN_SPECIALIST)])
async def test_job_that_got_nonsense_for_metadata_ends_with_one_sentence(
    metadata: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []
    house = SimpleNamespace(settings=load_settings("/nonexistent", {}), roster=load_roster())
    context = SimpleNamespace(
        proc=SimpleNamespace(userdata={"house": house}),
        job=SimpleNamespace(id="j", metadata=metadata, room=SimpleNamespace(name="final")),
        token_claims=lambda: SimpleNamespace(identity="agent_b_astrology-1"),
        room=rtc.EventEmitter[str](),
        shutdown=ended.append,
    )
    await answer(cast("Any", context))
    assert ended == ["the job is done"]
    assert told_in(caplog) == ["job refused"]


def told_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error, by its message; a traceback is a failure."""
    errors = [record for record in caplog.records if record.name in LOGGERS and record.levelno >= logging.WARNING]
    assert not any(record.exc_info for record in errors)
    assert all(getattr(record, "why", "") for record in errors)
    return [record.message for record in errors]
