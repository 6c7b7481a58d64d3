"""A person at a desk as Agent B, on a real server with real audio: rung, briefed by voice and data, connected."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from agents.providers import local_tts
from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.stand.caller.desk import Desk
from warm_transfer.stand.caller.downlink import RATE_HZ, Lane, Samples
from warm_transfer.stand.listening import level_dbfs
from warm_transfer.transfer.control_wire import (
    AcceptCall,
    Cancel,
    DeclineCall,
    End,
    HandBackCall,
    Note,
    TransferNow,
    Wait,
)
from warm_transfer.transfer.wire import Answer, Brief, Dismiss

TONE_HZ = 750.0
ROSTER = """
[[specialist]]
id = "dana"
kind = "human"
name = "Dana"
title = "billing colleague"
skills = ["billing"]

[[specialist]]
id = "billing"
name = "Ben"
title = "billing specialist"
skills = ["billing"]
needs = ["account_number"]
prompt = "specialist_billing"
voice = { local = "ben" }
"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("human")
    roster = folder / "roster.toml"
    roster.write_text(ROSTER)
    async with running_site(livekit, folder, ROSTER_FILE=str(roster), HOLD_AFTER_MS="0") as site:
        yield site


def desk_at(site: Site) -> Desk:
    return Desk(site.access, site.log, roster_id="dana")


def tone(seconds: float) -> Samples:
    places = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (8000 * np.sin(2 * np.pi * TONE_HZ * places)).astype(np.int16)


def has_tone(samples: Samples) -> bool:
    """Whether the strongest frequency of the loudest second is the tone's."""
    seconds = [samples[at : at + RATE_HZ] for at in range(0, max(len(samples) - RATE_HZ, 1), RATE_HZ // 4)]
    loudest = max(seconds, key=level_dbfs)
    spectrum = np.abs(np.fft.rfft(loudest * np.hanning(len(loudest))))
    strongest = np.fft.rfftfreq(len(loudest), 1 / RATE_HZ)[int(np.argmax(spectrum))]
    return level_dbfs(loudest) > -40 and abs(strongest - TONE_HZ) < 10


def rendered(lane: Lane) -> Samples:
    return lane.rendered()[1].astype(np.int16)


async def asked_for(call: PlacedCall, target: str = "dana") -> str:
    """Say what brings the caller to Dana; the attempt that rings there."""
    await call.until_said("how can i help")
    await call.type("My name is Susan Clark, I was charged twice, my account number is 445566.")
    await call.until("transfer_offered")
    await call.until_said("dana")
    await call.type("Yes, please.")
    return str((await call.until("target_rung", target=target)).payload["attempt"])


async def test_person_at_a_desk_is_briefed_and_connected_and_gives_the_caller_back(site: Site) -> None:
    async with site.call() as call, desk_at(site) as desk:
        attempt = await asked_for(call)
        assert await asyncio.to_thread(PresenceBoard(site.log).read) == {"dana": "busy"}
        await desk.answer(call.call_id)
        brief = await asyncio.wait_for(desk.messages.get(), DEADLINE_S)
        assert isinstance(brief, Brief)
        assert {fact.value for fact in brief.briefing.facts} >= {"445566"}
        await asyncio.wait_for(desk.hears(), DEADLINE_S)  # Agent A speaks the briefing
        await desk.ask("What is the account number?")
        answer = await asyncio.wait_for(desk.messages.get(), DEADLINE_S)
        assert isinstance(answer, Answer)
        assert "445566" in answer.text.replace(" ", "")
        await call.until("question_answered")
        accepted = await desk.command(call.call_id, AcceptCall(attempt=attempt))
        await call.until("target_accepted", command_id=accepted)
        await desk.take_over(call.call_id)
        await call.until("transfer_ended", disposition="completed")
        await call.until("job_ended", role="agent_a")
        await asyncio.gather(desk.say(tone(2), RATE_HZ), call.caller.say("tone", tone(2), RATE_HZ))
        await asyncio.sleep(1)  # for both recordings to have it
        final = call.caller.room
        assert final != call.room
        assert await call.roles_in(final) == ["agent_b_dana", "caller", "desk_dana"]
        for heard in (call.caller.downlink, desk.downlink):
            assert any(has_tone(rendered(lane)) for lane in heard.lanes if lane.room == final)
        noted = await desk.command(call.call_id, Note(text="Refund promised."))
        await call.until("note_left", command_id=noted)
        given = await desk.command(call.call_id, HandBackCall())
        await call.until("caller_handed_back", command_id=given)
        await asyncio.wait_for(desk.was_let_go.wait(), DEADLINE_S)
        await call.until_said("you are back with me")
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        assert await asyncio.to_thread(PresenceBoard(site.log).read) == {"dana": "available"}


@pytest.mark.long
async def test_call_that_a_person_declines_goes_to_the_next(site: Site) -> None:
    async with site.call() as call, desk_at(site) as desk:
        attempt = await asked_for(call)
        waited = await desk.command(call.call_id, Wait(attempt=attempt))
        await call.until("more_time_given", command_id=waited)
        declined = await desk.command(call.call_id, DeclineCall(attempt=attempt, reason="lunch"))
        await call.until("attempt_ended", target="dana", disposition="declined", command_id=declined)
        late = await desk.command(call.call_id, AcceptCall(attempt=attempt))
        await call.until("command_refused", command_id=late, code="attempt_over")
        await call.until_said("susan", speaker="agent_b")
        ended = await desk.command(call.call_id, End())
        await call.until("command_applied", command_id=ended)
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_person_who_vanishes_from_the_consult_is_followed_by_the_next(site: Site) -> None:
    async with site.call(can_move=False) as call, desk_at(site) as desk:
        await asked_for(call)
        await desk.answer(call.call_id)
        await call.until("briefing_sent")
        await desk.leave()
        await call.until("attempt_ended", target="dana", disposition="target_left")
        await call.until_said("susan", speaker="agent_b")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_of_a_person_who_vanishes_after_the_move_is_back_with_agent_a(site: Site) -> None:
    async with site.call(can_move=False) as call, desk_at(site) as desk:
        attempt = await asked_for(call)
        await desk.answer(call.call_id)
        await call.until("briefing_sent")
        await desk.command(call.call_id, AcceptCall(attempt=attempt))
        await call.until("target_accepted")
        await desk.take_over(call.call_id)
        await call.until("transfer_ended", disposition="completed")
        await desk.say(tone(3), RATE_HZ)  # Agent A leaves once the person is heard
        await call.until("job_ended", role="agent_a")
        await desk.leave()
        await call.until("caller_handed_back", cause="failed")
        await call.until_said("dropped out")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_second_desk_is_shown_out_and_the_dismissed_one_is_told(site: Site) -> None:
    async with site.call() as call, desk_at(site) as desk, desk_at(site) as second:
        await asked_for(call)
        await desk.answer(call.call_id)
        await call.until("target_answered", identity=desk.identity)
        await second.answer(call.call_id)
        await asyncio.wait_for(second.was_let_go.wait(), DEADLINE_S)
        cancelled = await desk.command(call.call_id, Cancel())
        await call.until("transfer_ended", disposition="cancelled", command_id=cancelled)
        told = [desk.messages.get_nowait() for _ in range(desk.messages.qsize())]
        assert any(isinstance(one, Dismiss) for one in told)
        await call.until_said("stopped the transfer")
        ordered = await desk.command(call.call_id, TransferNow(skill="billing", reason="The team lead wants it."))
        await call.until("target_rung", count=2)
        await call.until("transfer_requested", command_id=ordered)
        speech = await asyncio.to_thread(local_tts.synthesize, "What is the account number?", "caller")
        desk.was_let_go.clear()
        await desk.answer(call.call_id)
        await call.until("briefing_sent", count=2)
        await desk.say(speech, local_tts.SAMPLE_RATE_HZ)
        await call.until("question_asked")
        await call.caller.hang_up()
        await asyncio.wait_for(desk.was_let_go.wait(), DEADLINE_S)
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_person_with_any_livekit_client_is_briefed_in_the_final_room_and_takes_the_caller_by_a_word(
    site: Site,
) -> None:
    async with site.call() as call, desk_at(site) as desk:
        await asked_for(call)
        await desk.walk_in(call.call_id)
        await call.until("target_answered", identity=desk.identity)
        assert "445566" in (await asyncio.wait_for(desk.typed.get(), DEADLINE_S)).replace(" ", "")
        await asyncio.wait_for(desk.hears(), DEADLINE_S)
        await desk.type("What is the account number?")
        assert "445566" in (await asyncio.wait_for(desk.typed.get(), DEADLINE_S)).replace(" ", "")
        await call.until("question_answered")
        assert call.caller.room == call.room
        speech = await asyncio.to_thread(local_tts.synthesize, "Yes, connect.", "caller")
        await desk.say(speech, local_tts.SAMPLE_RATE_HZ)
        await call.until("target_accepted")
        await call.until("transfer_ended", disposition="completed")
        await asyncio.gather(desk.say(tone(2), RATE_HZ), call.caller.say("tone", tone(2), RATE_HZ))
        await asyncio.sleep(1)  # for both recordings to have it
        final = call.caller.room
        assert await call.roles_in(final) == ["agent_b_dana", "caller", "desk_dana"]
        for heard in (call.caller.downlink, desk.downlink):
            assert any(has_tone(rendered(lane)) for lane in heard.lanes if lane.room == final)
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_person_with_any_client_who_says_no_is_followed_by_the_next(site: Site) -> None:
    async with site.call() as call, desk_at(site) as desk:
        await asked_for(call)
        await desk.walk_in(call.call_id)
        await asyncio.wait_for(desk.typed.get(), DEADLINE_S)
        await desk.type("decline")
        await call.until("attempt_ended", target="dana", disposition="declined")
        await call.until_said("susan", speaker="agent_b")
        await call.caller.hang_up()
        await call.until_nothing_is_left()
