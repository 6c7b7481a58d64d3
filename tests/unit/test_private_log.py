"""What was said stays with the jobs of the call; everybody else reads it masked."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.unit.test_consent import call
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import read_call, read_call_unmasked
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.masking import PayloadMask
from warm_transfer.calls.recorder import CallRecorder
from warm_transfer.calls.replay import Replay
from warm_transfer.calls.spool import SpoolFile, UnwrittenEvent
from warm_transfer.transfer.understanding.drafting import draft_briefing

CARD = "my card is 4111 1111 1111 1111"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CallLog]:
    with CallLog(f"sqlite:///{tmp_path / 'log.sqlite3'}") as opened:
        yield opened


def turn(text: str) -> dict[str, object]:
    return {"turn_id": "t1_1", "speaker": "caller", "room": "r", "text": text, "at": 1.0}


async def record(log: CallLog, *texts: str) -> None:
    async with CallRecorder(log, "call") as recorder:
        for text in texts:
            recorder.record(CallEvent.TURN_SPOKEN, turn(text))


async def test_readers_of_the_log_get_private_words_masked_and_jobs_of_the_call_get_them(log: CallLog) -> None:
    await record(log, CARD)
    assert read_call(log, "call").transcript[0].text == "my card is [card number]"
    assert log.tail(0, 10)[0].payload["text"] == "my card is [card number]"
    assert read_call_unmasked(log, "call").transcript[0].text == CARD


async def test_number_is_masked_by_what_was_asked_in_the_utterance_before(log: CallLog) -> None:
    await record(log, "What is your social security number?", "one two three four five six seven eight nine")
    assert read_call(log, "call").transcript[1].text == "[national id]"


async def test_event_without_private_words_is_stored_once(log: CallLog) -> None:
    await record(log, "My account number is 445566.")
    assert read_call(log, "call") == read_call_unmasked(log, "call")


async def test_replay_keeps_private_words_private(log: CallLog, tmp_path: Path) -> None:
    spool = SpoolFile(tmp_path / "spool", "call")
    event = UnwrittenEvent(
        call_id="call", event_id="1", type="turn_spoken", at=1.0, payload=turn("[card number]"), private=turn(CARD)
    )
    spool.append([event])
    spool.close()
    await Replay(tmp_path / "spool", log).write_left()
    assert read_call(log, "call").transcript[0].text == "[card number]"
    assert read_call_unmasked(log, "call").transcript[0].text == CARD


def test_words_of_a_briefing_are_masked_and_ids_are_not() -> None:
    payload = {
        "transfer_id": "41111111111111110000000000000000",
        "briefing": {"asked": CARD, "also": [CARD], "facts": [{"kind": "x", "value": "4111111111111111"}]},
    }
    assert PayloadMask()(payload) == {
        "transfer_id": "41111111111111110000000000000000",
        "briefing": {
            "asked": "my card is [card number]",
            "also": ["my card is [card number]"],
            "facts": [{"kind": "x", "value": "[card number]"}],
        },
    }


async def test_briefing_is_read_back_from_the_log_as_it_was_sent(log: CallLog) -> None:
    told = draft_briefing(
        call("Ann Poe, account 445566. You promised a refund. This is urgent, my wifi drops."), reason=""
    )
    async with CallRecorder(log, "call") as recorder:
        recorder.record(CallEvent.BRIEFING_SENT, {"transfer_id": "1", "briefing": asdict(told)})
    assert told.promises
    assert told.mood
    assert read_call(log, "call").transfers[0].briefing == told
