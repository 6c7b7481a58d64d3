"""A held caller keeps control: is told now and then that the transfer is under way, and has keys."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from agents.prompts import load_phrases
from agents.providers import local_stt, local_tts
from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import PlacedCall, Site, running_site
from warm_transfer.stand.caller.downlink import RATE_HZ, mix
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK
from warm_transfer.stand.demo.verdict import ALIKE, similarity
from warm_transfer.stand.listening import utterances
from warm_transfer.stand.worker_process import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHRASES = load_phrases()
UPDATE = PHRASES["waiting"]


def long_consult(livekit: LiveKit, folder: Path, hold_update_s: float = 20) -> AbstractAsyncContextManager[Site]:
    """A worker whose Agent B asks aloud, three times, for what nobody said: a hold of more than 20 s."""
    roster = folder / "roster.toml"
    shipped = (ROOT / "agents" / "roster.toml").read_text()
    roster.write_text(shipped.replace('needs = ["account_number"]', 'needs = ["walrus", "teapot", "kite"]'))
    return running_site(
        livekit,
        folder,
        CONSULT_MODE="spoken",
        HOLD_AFTER_MS="0",
        HOLD_UPDATE_S=str(hold_update_s),
        ROSTER_FILE=str(roster),
    )


def heard_updates(call: PlacedCall) -> list[float]:
    """When the caller heard Agent A's voice say the update, in seconds; the music is another track."""
    lanes = [one for one in call.caller.downlink.lanes if one.identity.startswith("agent_a")]
    voice = mix([one for one in lanes if one.track_name != HOLD_MUSIC_TRACK])
    spans = utterances(voice, RATE_HZ)
    words = [local_stt.transcribe(voice[int(s.start_s * RATE_HZ) : int(s.end_s * RATE_HZ)], RATE_HZ) for s in spans]
    return [span.end_s for span, text in zip(spans, words, strict=True) if similarity(UPDATE, text) >= ALIKE]


@pytest.mark.long
async def test_held_caller_hears_updates_until_the_move_and_none_after(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("update")
    async with long_consult(livekit, folder, hold_update_s=3) as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("caller_moved")
        await call.until("job_ended", role="agent_a")
        events = call.events()
        await call.caller.hang_up()
        await call.until_nothing_is_left()
    told = [event.seq for event in events if event.type == "turn_spoken" and event.payload["text"] == UPDATE]
    at = {event.type: event.seq for event in events}
    assert len(told) >= 2
    assert at["caller_held"] < min(told)
    assert max(told) < at["caller_moved"]
    heard = heard_updates(call)
    assert len(heard) >= 2
    first_sound = next(moment.at_s for moment in call.caller.moments if moment.name == "first_sound")
    assert max(heard) < first_sound


async def press(call: PlacedCall, digit: str) -> None:
    await call.rtc_room.local_participant.publish_dtmf(code=int(digit), digit=digit)


@pytest.mark.long
async def test_held_caller_leaves_a_message_and_comes_back_by_keys(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    message = "Please call me back tomorrow morning."
    speech = await asyncio.to_thread(local_tts.synthesize, message, "caller")
    async with long_consult(livekit, folder) as site, site.call() as call:
        await call.ask_for_billing()
        await call.until_said(PHRASES["hold"])
        await press(call, "3")
        await call.until_said(PHRASES["keys.ask_message"])
        await call.caller.say(message, speech, local_tts.SAMPLE_RATE_HZ)
        left = await call.until("message_left")
        await press(call, "2")
        await call.until("transfer_ended", disposition="cancelled")
        await call.until_said("stopped the transfer")
        await call.caller.hang_up()
        await call.until_nothing_is_left()
    assert "call me back" in str(left.payload["message"])  # the recognizer writes "to-morrow"
    assert left.payload["transfer_id"]
