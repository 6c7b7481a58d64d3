"""When Agent B does not come, the caller is back with Agent A, is told so, and the call goes on."""

import asyncio

import pytest

from agents.providers import local_tts
from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site
from warm_transfer.stand.caller.downlink import RATE_HZ
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK
from warm_transfer.stand.worker_process import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def goes_on(call: PlacedCall) -> None:
    """The caller is with Agent A again, in the caller room, is heard there and gets an answer."""
    question = "What are your opening hours?"
    speech = await asyncio.to_thread(local_tts.synthesize, question, "caller")
    await call.caller.say(question, speech, local_tts.SAMPLE_RATE_HZ)
    while not call.caller.utterances.empty():
        call.caller.utterances.get_nowait()
    await call.until_said("monday")
    await asyncio.wait_for(call.caller.utterances.get(), DEADLINE_S)  # and hears it
    music = [lane.end for lane in call.caller.downlink.lanes if lane.track_name == HOLD_MUSIC_TRACK]
    assert max(music, default=0) < call.caller.clock.now() - RATE_HZ
    assert call.caller.room == call.room
    assert await call.roles_in(call.room) == ["agent_a", "caller"]


async def until_answered(call: PlacedCall, *sites: Site) -> None:
    """Wait until the call is in one of these workers' logs."""
    async with asyncio.timeout(DEADLINE_S):
        while not any(site.log.events(call.call_id) for site in sites):  # noqa: ASYNC110 - two logs, other processes
            await asyncio.sleep(0.05)


async def test_targets_that_do_not_answer_in_time_give_the_caller_back(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # No job can start within 50 ms: it comes too late, finds nobody, and must leave nothing. Nobody is ready ahead.
    folder = tmp_path_factory.mktemp("no_answer")
    roster = folder / "roster.toml"
    shipped = (ROOT / "agents" / "roster.toml").read_text()
    roster.write_text(shipped.replace('skills = ["technical"', 'skills = ["billing", "technical"'))
    async with (
        running_site(
            livekit, folder, ROSTER_FILE=str(roster), RING_TIMEOUT_S="0.05", HOLD_AFTER_MS="0", ARM_RESERVE="1000"
        ) as site,
        site.call() as call,
    ):
        await call.ask_for_billing()
        await call.until("transfer_ended", disposition="no_answer")
        attempts = [event.payload for event in call.events() if event.type == "attempt_ended"]
        assert [(one["target"], one["disposition"]) for one in attempts] == [
            ("billing", "no_answer"),
            ("technical", "no_answer"),
        ]
        await call.until_said("nobody answered")
        await goes_on(call)
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        assert "caller_moved" not in call.types()


@pytest.mark.long
async def test_target_that_does_not_decide_in_time_gives_the_caller_back(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The briefing alone takes longer to be said.
    folder = tmp_path_factory.mktemp("undecided")
    async with (
        running_site(livekit, folder, CONSULT_MODE="spoken", CONSULT_TIMEOUT_S="1") as site,
        site.call() as call,
    ):
        await call.ask_for_billing()
        await call.until("target_answered")
        await call.until("transfer_ended", disposition="no_answer")
        await call.until_said("nobody answered")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_client_that_does_not_move_is_given_back(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("move_failed")
    async with running_site(livekit, folder) as site, site.call() as call:
        # It has announced that it can move, and then can't.
        call.rtc_room.local_participant.unregister_rpc_method("wt.move")
        await call.ask_for_billing()
        await call.until("transfer_ended", disposition="move_failed")
        await call.until_said("could not put you through")
        await goes_on(call)
        await call.caller.hang_up()
        await call.until_nothing_is_left()


async def test_held_caller_who_cancels_is_back_with_agent_a(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cancel")
    # Spoken: a long consult, to be in time.
    async with running_site(livekit, folder, CONSULT_MODE="spoken", HOLD_AFTER_MS="0") as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("caller_held")
        await call.type("Please cancel the transfer.")
        await call.until("transfer_ended", disposition="cancelled")
        await call.until_said("stopped the transfer")
        await goes_on(call)


async def test_hang_up_during_the_consult_leaves_nothing(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hang_up")
    async with running_site(livekit, folder, CONSULT_MODE="spoken") as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("target_answered")
        await call.caller.hang_up()
        await call.until("transfer_ended", disposition="caller_left")
        await call.until_nothing_is_left()


async def test_call_over_max_calls_is_passed_on_to_another_worker(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = tmp_path_factory.mktemp("full"), tmp_path_factory.mktemp("free")
    async with (
        running_site(livekit, first, MAX_CALLS="1", IDLE_PROCESSES="1") as site,
        running_site(livekit, second, MAX_CALLS="1", IDLE_PROCESSES="1", AGENT_NAME=site.agent_name) as other,
        site.call() as one,
        site.call() as two,
    ):
        await asyncio.gather(*(until_answered(call, site, other) for call in (one, two)))
        ran = [[bool(log.events(call.call_id)) for log in (site.log, other.log)] for call in (one, two)]
    assert sorted(map(tuple, ran)) == [(False, True), (True, False)]
