"""A whole warm transfer on a real server, with real audio; the caller types so that it is quick."""

import asyncio
import re
from collections.abc import AsyncIterator

import jwt
import numpy as np
import pytest
import pytest_asyncio

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site
from warm_transfer.stand.caller import Moment
from warm_transfer.stand.downlink import RATE_HZ
from warm_transfer.stand.listening import level_dbfs, median_pitch_hz, silent_runs

AUDIBLE = 200
"""int16 peak."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    # Held at once, so that music plays while the agents speak with each other.
    folder = tmp_path_factory.mktemp("transfer")
    async with running_site(livekit, folder, CONSULT_MODE="spoken", HOLD_AFTER_MS="0") as site:
        yield site


def moment(call: PlacedCall, name: str) -> Moment:
    return next(each for each in call.caller.moments if each.name == name)


def sounding(call: PlacedCall, who: str) -> tuple[int, int]:
    """First and last audible sample of a track by its name or its speaker's identity, in the recording."""
    lanes = [each for each in call.caller.downlink.lanes if who in f"{each.identity} {each.track_name}"]
    heard = [np.flatnonzero(np.abs(audio) > AUDIBLE) + begin for begin, audio in (each.rendered() for each in lanes)]
    loud = next(places for places in heard if len(places))
    return int(loud[0]), int(loud[-1])


async def heard_from_agent_b(call: PlacedCall) -> None:
    """Wait until Agent B has said its first line."""
    await call.until_said("susan", speaker="agent_b")


async def test_caller_is_moved_into_the_final_room_and_hears_agent_b(site: Site) -> None:
    async with site.call() as call:
        await call.ask_for_billing()
        opened = await call.until("consult_opened", move="client_move")
        await heard_from_agent_b(call)
        final_room = str(opened.payload["final_room"])
        await call.until("job_ended", role="agent_a")
        people = await call.people_in(final_room)
        heard = call.caller.downlink.mixed()
        at = {name: int(moment(call, name).at_s * RATE_HZ) for name in ("first_sound", "left_old_room")}
    assert call.room != final_room
    assert {who.split("-")[0] for who in people} == {"caller", "agent_b_billing"}
    assert at["first_sound"] <= at["left_old_room"]
    assert level_dbfs(heard[at["first_sound"] : at["first_sound"] + 3 * RATE_HZ]) > -40


async def test_no_silence_from_the_music_to_agent_bs_first_sound(site: Site) -> None:
    async with site.call() as call:
        await call.ask_for_billing()
        await heard_from_agent_b(call)
        heard = call.caller.downlink.mixed()
        first_sound = int(moment(call, "first_sound").at_s * RATE_HZ)
        music_starts, _ = sounding(call, "hold_music")
    window = heard[music_starts : first_sound + RATE_HZ // 5]
    assert len(window) > 3 * RATE_HZ  # a spoken consult takes a while: there was something to interrupt
    assert silent_runs(window, RATE_HZ) == []
    holed = window.copy()
    holed[RATE_HZ : RATE_HZ + RATE_HZ // 10] = 0
    assert [round(run.length_ms) for run in silent_runs(holed, RATE_HZ)] == [100]


async def test_agent_b_sounds_different_and_knows_what_the_briefing_holds(site: Site) -> None:
    async with site.call() as call:
        greeting = await call.until_said("how can i help")
        await call.ask_for_billing()
        first_line = await call.until_said("susan", speaker="agent_b")
        heard = call.caller.downlink.mixed()
        first_sound = int(moment(call, "first_sound").at_s * RATE_HZ)
    said = str(first_line.payload["text"]).replace(" ", "")
    assert "445566" in said
    assert "charged twice" in str(first_line.payload["text"])
    assert not re.search(r"(name|number|happened|problem)[^.]*\?", str(first_line.payload["text"]))  # it knows
    agent_a = median_pitch_hz(heard[: int(6 * RATE_HZ)], RATE_HZ)
    agent_b = median_pitch_hz(heard[first_sound : first_sound + 5 * RATE_HZ], RATE_HZ)
    assert greeting.payload["speaker"] == "agent_a"
    assert abs(np.log2(agent_a / agent_b)) > 0.15  # two semitones


async def test_nothing_is_left_after_the_caller_hangs_up(site: Site) -> None:
    async with site.call() as call:
        await call.ask_for_billing()
        await heard_from_agent_b(call)
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        types = call.types()
    assert types[-3:] == ["call_ended", "agent_left", "job_ended"]
    assert types.count("job_started") == types.count("job_ended") == 2


async def test_any_livekit_client_is_transferred_in_its_own_room(site: Site) -> None:
    async with site.call(can_move=False) as call:
        await call.ask_for_billing()
        await call.until("consult_opened", move="join_caller_room", final_room=call.room)
        await heard_from_agent_b(call)
        await call.until("job_ended", role="agent_a")
        people = await call.people_in(call.room)
        assert call.caller.room == call.room
        await call.caller.hang_up()
        await call.until_nothing_is_left()
    assert {who.split("-")[0] for who in people} == {"caller", "agent_b_billing"}


async def test_music_in_the_callers_own_room_ends_only_with_agent_bs_first_sound(site: Site) -> None:
    async with site.call(can_move=False) as call:
        await call.ask_for_billing()
        await heard_from_agent_b(call)
        music_starts, music_ends = sounding(call, "hold_music")
        voice_starts, _ = sounding(call, "agent_b_billing")
        heard = call.caller.downlink.mixed()
    assert music_starts < voice_starts < music_ends
    assert silent_runs(heard[music_starts:voice_starts], RATE_HZ) == []


async def test_quick_target_without_hold_is_heard_within_the_hold_time(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("quick")
    async with running_site(livekit, folder, HOLD_AFTER_MS="20000") as site, site.call() as call:
        await call.ask_for_billing()
        await heard_from_agent_b(call)
        assert "caller_held" not in call.types()


async def test_goodbye_without_a_transfer_leaves_nothing(site: Site) -> None:
    async with site.call() as call:
        await call.until_said("how can i help")
        await call.type("What are your opening hours?")
        await call.until_said("monday")
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        types = call.types()
    assert "transfer_requested" not in types
    assert types[-3:] == ["agent_left", "call_ended", "job_ended"]


async def test_callers_token_opens_the_caller_room_only(site: Site) -> None:
    async with site.call() as call:
        claims = jwt.decode(call.token, options={"verify_signature": False})
    assert claims["video"]["room"] == call.room
    assert not claims["video"].get("roomAdmin")
    assert not claims["video"].get("canUpdateOwnMetadata")
    assert claims["video"]["canPublishSources"] == ["microphone"]
    assert claims["exp"] - claims["nbf"] <= 600


async def test_two_callers_are_transferred_side_by_side(site: Site) -> None:
    async def one() -> list[str]:
        async with site.call() as call:
            await call.ask_for_billing()
            await heard_from_agent_b(call)
            return call.types()

    async with asyncio.timeout(2 * DEADLINE_S):
        types = await asyncio.gather(one(), one())
    assert [each.count("caller_moved") for each in types] == [1, 1]
