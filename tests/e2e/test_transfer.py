"""A whole warm transfer on a real server, with real audio; the caller types so that it is quick."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import jwt
import numpy as np
import pytest
import pytest_asyncio

from tests.e2e.conftest import STALL_MS, LiveKit
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site
from tests.e2e.slow_worker import FIRST_WORD_S
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.listening import Span, level_dbfs, median_pitch_hz, silent_runs

AUDIBLE = 200
"""int16 peak."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    # Held at once, so that music plays while the agents speak with each other.
    folder = tmp_path_factory.mktemp("transfer")
    async with running_site(livekit, folder, CONSULT_MODE="spoken", HOLD_AFTER_MS="0") as site:
        yield site


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """One finished call: what its caller heard, who was where, what was left."""

    call: PlacedCall
    events: list[LoggedEvent]
    heard: Samples
    roles: list[str]
    """In the final room, once Agent A had left."""
    rooms_left: list[str]
    processes_left: list[int]

    def event(self, event_type: str) -> LoggedEvent:
        return next(each for each in self.events if each.type == event_type)

    def first_line(self) -> str:
        turns = [e.payload for e in self.events if e.type == "turn_spoken"]
        return next(str(turn["text"]) for turn in turns if turn["speaker"] == "agent_b")

    def moment(self, name: str) -> int:
        """Place in the recording, in samples."""
        return int(next(each.at_s for each in self.call.caller.moments if each.name == name) * RATE_HZ)

    def sounding(self, who: str) -> tuple[int, int]:
        """First and last audible sample of a track, by its name or its speaker's identity."""
        lanes = [each for each in self.call.caller.downlink.lanes if who in f"{each.identity} {each.track_name}"]
        rendered = (each.rendered() for each in lanes)
        sounds = (np.flatnonzero(np.abs(audio) > AUDIBLE) + begin for begin, audio in rendered)
        loud = next(places for places in sounds if len(places))
        return int(loud[0]), int(loud[-1])

    def check_nothing_left(self) -> None:
        types = [event.type for event in self.events]
        assert types[-3:] == ["call_ended", "agent_left", "job_ended"]
        assert types.count("job_started") == types.count("job_ended") == 2
        assert self.rooms_left == []
        assert self.processes_left == []

    def silence(self) -> list[Span]:
        """Silent runs from the music's first sound to Agent B's that no stall explains."""
        music_starts, _ = self.sounding("hold_music")
        voice_starts, _ = self.sounding("agent_b_billing")
        return silent_runs(self.heard[music_starts : voice_starts + RATE_HZ // 20], RATE_HZ, longer_than_ms=STALL_MS)


async def transferred(site: Site, *, can_move: bool) -> Transferred:
    async with site.call(can_move=can_move) as call:
        await call.ask_for_billing()
        await call.until_said("susan", speaker="agent_b")
        opened = await call.until("consult_opened")
        await call.until("job_ended", role="agent_a")
        roles = await call.roles_in(str(opened.payload["final_room"]))
        heard = call.caller.downlink.mixed()
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        return Transferred(
            call=call,
            events=call.events(),
            heard=heard,
            roles=roles,
            rooms_left=await call.rooms_left(),
            processes_left=call.processes_left(),
        )


async def undisturbed(site: Site, *, can_move: bool) -> Transferred:
    """A call whose own receiver was not held up: else what it lacks says nothing of what was sent. Three are placed."""
    for _ in range(3):
        call = await transferred(site, can_move=can_move)
        if max(lane.worst_lateness_ms for lane in call.call.caller.downlink.lanes) < STALL_MS:
            break
    return call


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def moved(site: Site) -> Transferred:
    """A caller whose client can move."""
    return await undisturbed(site, can_move=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def joined(site: Site) -> Transferred:
    """A plain LiveKit client that knows nothing of this project."""
    return await undisturbed(site, can_move=False)


async def test_caller_is_moved_into_the_final_room_and_hears_agent_b(moved: Transferred) -> None:
    opened = moved.event("consult_opened").payload
    assert opened["move"] == "client_move"
    assert opened["final_room"] != moved.call.room
    assert moved.roles == ["agent_b_billing", "caller"]
    assert moved.moment("first_sound") <= moved.moment("left_old_room")
    first_sound = moved.moment("first_sound")
    assert level_dbfs(moved.heard[first_sound : first_sound + 3 * RATE_HZ]) > -40


async def test_no_silence_from_the_music_to_agent_bs_first_sound(moved: Transferred) -> None:
    music_starts, _ = moved.sounding("hold_music")
    assert moved.moment("first_sound") - music_starts > 3 * RATE_HZ  # there was something to interrupt
    assert moved.silence() == []


async def test_planted_hole_of_100_ms_in_the_music_is_found(moved: Transferred) -> None:
    music_starts, _ = moved.sounding("hold_music")
    holed = moved.heard[music_starts : moved.moment("first_sound")].copy()
    holed[2 * RATE_HZ : 2 * RATE_HZ + RATE_HZ // 10] = 0
    found = [(round(run.start_s, 1), round(run.length_ms, -1)) for run in silent_runs(holed, RATE_HZ)]
    assert (2.0, 100) in found


async def test_agent_b_asks_for_nothing_that_the_briefing_holds(moved: Transferred) -> None:
    line = moved.first_line()
    assert "445566" in line.replace(" ", "")
    assert "charged twice" in line
    assert not re.search(r"(name|number|happened|problem)[^.]*\?", line)


async def test_agent_b_has_another_voice(moved: Transferred) -> None:
    first_sound = moved.moment("first_sound")
    agent_a = median_pitch_hz(moved.heard[: 6 * RATE_HZ], RATE_HZ)
    agent_b = median_pitch_hz(moved.heard[first_sound : first_sound + 5 * RATE_HZ], RATE_HZ)
    assert abs(np.log2(agent_a / agent_b)) > 0.15  # two semitones


async def test_nothing_is_left_after_a_moved_caller_hangs_up(moved: Transferred) -> None:
    moved.check_nothing_left()


async def test_nothing_is_left_after_a_joined_caller_hangs_up(joined: Transferred) -> None:
    joined.check_nothing_left()


async def test_any_livekit_client_is_transferred_in_its_own_room(joined: Transferred) -> None:
    opened = joined.event("consult_opened").payload
    assert opened["move"] == "join_caller_room"
    assert opened["final_room"] == joined.call.room
    assert joined.roles == ["agent_b_billing", "caller"]
    assert "445566" in joined.first_line().replace(" ", "")


async def test_music_in_the_callers_own_room_ends_only_with_agent_bs_first_sound(joined: Transferred) -> None:
    music_starts, music_ends = joined.sounding("hold_music")
    voice_starts, _ = joined.sounding("agent_b_billing")
    assert music_starts < voice_starts < music_ends
    assert joined.silence() == []


async def test_callers_token_opens_the_caller_room_only(moved: Transferred) -> None:
    claims = jwt.decode(moved.call.token, options={"verify_signature": False})
    assert claims["video"]["room"] == moved.call.room
    assert not claims["video"].get("roomAdmin")
    assert not claims["video"].get("canUpdateOwnMetadata")
    assert claims["video"]["canPublishSources"] == ["microphone"]
    assert claims["exp"] - claims["nbf"] <= 600


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quiet_site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    # A consult in text, and no hold within any test's time.
    folder = tmp_path_factory.mktemp("quiet")
    async with running_site(livekit, folder, CONSULT_MODE="text", HOLD_AFTER_MS="20000") as site:
        yield site


async def test_target_that_accepts_within_the_hold_time_needs_no_hold(quiet_site: Site) -> None:
    async with quiet_site.call() as call:
        await call.ask_for_billing()
        await call.until("caller_moved")
        assert "caller_held" not in call.types()


@pytest.mark.long
async def test_caller_who_only_types_is_transferred(quiet_site: Site) -> None:
    async with quiet_site.call(can_move=False, has_microphone=False) as call:
        await call.ask_for_billing()
        await call.until_said("susan", speaker="agent_b")
        await call.type("What is my balance?")
        await call.until("transfer_ended", disposition="completed")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


async def test_goodbye_without_a_transfer_leaves_nothing(quiet_site: Site) -> None:
    async with quiet_site.call() as call:
        await call.until_said("how can i help")
        await call.type("What are your opening hours?")
        await call.until_said("monday")
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        types = call.types()
    assert "transfer_requested" not in types
    assert types[-3:] == ["agent_left", "call_ended", "job_ended"]


async def test_two_callers_are_transferred_side_by_side(quiet_site: Site) -> None:
    async def one() -> list[str]:
        async with quiet_site.call() as call:
            await call.ask_for_billing()
            await call.until("caller_moved")
            return call.types()

    async with asyncio.timeout(2 * DEADLINE_S):
        types = await asyncio.gather(one(), one())
    assert [each.count("caller_moved") for each in types] == [1, 1]


@pytest.mark.long
@pytest.mark.parametrize("can_move", [True, False], ids=["client_move", "join_caller_room"])
async def test_slow_first_word_of_agent_b_undoes_no_move(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory, can_move: bool
) -> None:
    entry = ("-m", "tests.e2e.slow_worker")
    running = running_site(livekit, tmp_path_factory.mktemp("slow"), entry=entry)
    async with running as site, site.call(can_move=can_move) as call:
        await call.ask_for_billing()
        moved = await call.until("transfer_ended", disposition="completed")
        greeted = await call.until_said("susan", speaker="agent_b")
        assert greeted.at - moved.at > FIRST_WORD_S
        assert (call.caller.room == call.room) is not can_move
        await call.type("Thank you.")
        await call.until("turn_spoken", speaker="agent_b", count=2)
        assert not {"caller_away", "call_ended"} & set(call.types())
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()
