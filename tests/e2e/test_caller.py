import asyncio

import numpy as np
import pytest
from livekit import rtc

from tests.e2e.conftest import STALL_MS, AgentIn, LiveKit
from tests.e2e.fake_agent import DEADLINE_S
from warm_transfer.stand.caller import caller as caller_module
from warm_transfer.stand.caller.caller import Caller, Moment
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK
from warm_transfer.stand.listening import Span, silent_runs, tone_ms
from warm_transfer.transfer.livekit_adapter.rooms import Rooms

MUSIC_HZ, SPEECH_HZ, CALLER_HZ = 440, 880, 1500


def tone(hz: float, seconds: float, amplitude: int = 8000) -> Samples:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


class Watch:
    """Lets a test wait for a moment of the caller."""

    def __init__(self) -> None:
        self._seen: dict[str, asyncio.Event] = {}

    def __call__(self, moment: Moment) -> None:
        self._event(moment.name).set()

    async def until(self, name: str) -> None:
        await asyncio.wait_for(self._event(name).wait(), DEADLINE_S)

    def _event(self, name: str) -> asyncio.Event:
        return self._seen.setdefault(name, asyncio.Event())


async def recorded_until(caller: Caller, place: int) -> None:
    """Wait until everything before `place` has been laid into the recording."""
    async with asyncio.timeout(DEADLINE_S):
        while max((lane.end for lane in caller.downlink.lanes if not lane.is_muted), default=0) < place:
            await caller.downlink.grown.wait()


def moment(caller: Caller, name: str) -> Moment:
    return next(each for each in caller.moments if each.name == name)


def heard_silence(caller: Caller) -> list[Span]:
    """Silent runs between the first and the last sound that the caller heard which no stall explains."""
    mixed = caller.downlink.mixed()
    loud = np.flatnonzero(np.abs(mixed.astype(int)) > 1000)
    return silent_runs(mixed[loud[0] : loud[-1]], RATE_HZ, longer_than_ms=STALL_MS)


async def test_move_leaves_no_silence_and_cuts_the_old_room(livekit: LiveKit, agent_in: AgentIn) -> None:
    watch = Watch()
    first, second = await agent_in("gapless-1"), await agent_in("gapless-2")
    await first.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
    await second.play("voice", tone(SPEECH_HZ, 1.0))
    async with Caller(url=livekit.url, token=livekit.token("gapless-1", "caller"), on_moment=watch) as caller:
        await recorded_until(caller, RATE_HZ)
        reply = await first.move(livekit.token("gapless-2", "caller"), "gapless-2")
        await watch.until("left_old_room")
        moved = int(moment(caller, "first_sound").at_s * RATE_HZ)
        await recorded_until(caller, moved + RATE_HZ)
        assert caller.room == "gapless-2"
    heard = caller.downlink.mixed()
    assert reply == "accepted"
    around = heard[moved - RATE_HZ // 2 : moved + RATE_HZ // 2]
    assert silent_runs(around, RATE_HZ, longer_than_ms=STALL_MS) == []
    assert tone_ms(heard[:moved], RATE_HZ, MUSIC_HZ) > 500
    assert tone_ms(heard[moved + RATE_HZ // 10 :], RATE_HZ, MUSIC_HZ) == 0
    assert tone_ms(heard[moved:], RATE_HZ, SPEECH_HZ) > 500


async def test_speech_reaches_the_new_room_before_the_old_one_is_left(livekit: LiveKit, agent_in: AgentIn) -> None:
    watch = Watch()
    first, second = await agent_in("speech-1"), await agent_in("speech-2")
    await second.play("voice", tone(SPEECH_HZ, 1.0))
    async with (
        Caller(url=livekit.url, token=livekit.token("speech-1", "caller"), on_moment=watch) as caller,
        asyncio.TaskGroup() as speaking,
    ):
        speaking.create_task(caller.say("beep", tone(CALLER_HZ, 4.0), RATE_HZ))
        await asyncio.wait_for(first.caller_spoke.wait(), DEADLINE_S)
        await first.move(livekit.token("speech-2", "caller"), "speech-2")
        await asyncio.wait_for(second.caller_spoke.wait(), DEADLINE_S)
        assert not first.caller_left.is_set()
        await asyncio.wait_for(first.caller_left.wait(), DEADLINE_S)
        await watch.until("left_old_room")
    said = moment(caller, "said_end").at_s - moment(caller, "said_start").at_s
    assert said == pytest.approx(4.0, abs=0.5)


async def test_planted_hole_is_found(livekit: LiveKit, agent_in: AgentIn) -> None:
    agent = await agent_in("hole")
    async with Caller(url=livekit.url, token=livekit.token("hole", "caller")) as caller:
        planted = np.concatenate([tone(MUSIC_HZ, 1.0), np.zeros(RATE_HZ // 2, np.int16), tone(MUSIC_HZ, 1.5)])
        await (await agent.play(HOLD_MUSIC_TRACK, planted, repeat=False))
        await recorded_until(caller, caller.clock.now())
    # The codec rings for about 10 ms on either side of it.
    assert [span.length_ms for span in heard_silence(caller)] == [pytest.approx(490, abs=100)]


async def test_utterance_is_heard_whole_and_music_is_not_one(livekit: LiveKit, agent_in: AgentIn) -> None:
    agent = await agent_in("ears")
    async with Caller(url=livekit.url, token=livekit.token("ears", "caller")) as caller:
        await agent.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
        silence = np.zeros(RATE_HZ, np.int16)
        spoken = np.concatenate([silence, tone(SPEECH_HZ, 0.5), silence])
        await agent.play("voice", spoken, repeat=False)
        utterance = await asyncio.wait_for(caller.utterances.get(), DEADLINE_S)
        assert caller.utterances.empty()
    assert utterance.identity == "agent"
    assert utterance.end_s - utterance.start_s == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("fault", ["token", "room", "silence"])
async def test_failed_move_leaves_the_caller_where_it_was(
    livekit: LiveKit, agent_in: AgentIn, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_module, "HEARD_TIMEOUT_S", 0.5)
    watch = Watch()
    first = await agent_in(f"{fault}-1")
    await first.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
    tokens = {"token": "none", "room": livekit.token("elsewhere", "caller")}
    token = tokens.get(fault, livekit.token(f"{fault}-2", "caller"))
    async with Caller(url=livekit.url, token=livekit.token(f"{fault}-1", "caller"), on_moment=watch) as caller:
        await first.move(token, f"{fault}-2")
        await watch.until("stayed")
        await recorded_until(caller, caller.clock.now() + RATE_HZ // 2)
        assert caller.room == f"{fault}-1"
        assert not first.caller_left.is_set()
        assert not caller.is_over.is_set()
    assert heard_silence(caller) == []


async def test_caller_who_is_heard_is_moved_however_late_the_first_word_comes(
    livekit: LiveKit, agent_in: AgentIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_module, "HEARD_TIMEOUT_S", 1.0)
    watch = Watch()
    first, second = await agent_in("late-1"), await agent_in("late-2")
    await first.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
    async with Caller(url=livekit.url, token=livekit.token("late-1", "caller"), on_moment=watch) as caller:
        await first.move(livekit.token("late-2", "caller"), "late-2")
        await asyncio.wait_for(second.caller_is_quiet.wait(), DEADLINE_S)
        await recorded_until(caller, caller.clock.now() + 2 * RATE_HZ)
        assert not first.caller_left.is_set()
        await second.play("voice", tone(SPEECH_HZ, 1.0))
        await watch.until("left_old_room")
        assert caller.room == "late-2"
        await recorded_until(caller, caller.clock.now() + RATE_HZ // 2)
    assert heard_silence(caller) == []


async def test_caller_stays_if_the_new_room_ends_before_the_first_word(livekit: LiveKit, agent_in: AgentIn) -> None:
    watch = Watch()
    first, second = await agent_in("ended-1"), await agent_in("ended-2")
    await first.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
    async with Caller(url=livekit.url, token=livekit.token("ended-1", "caller"), on_moment=watch) as caller:
        await first.move(livekit.token("ended-2", "caller"), "ended-2")
        await asyncio.wait_for(second.caller_is_quiet.wait(), DEADLINE_S)
        async with Rooms(livekit.access) as rooms:
            await rooms.delete("ended-2")
        await watch.until("stayed")
        assert caller.room == "ended-1"
        assert not first.caller_left.is_set()
        assert not caller.is_over.is_set()


async def test_caller_whose_new_room_ends_right_after_the_move_is_back_in_the_old_one(
    livekit: LiveKit, agent_in: AgentIn
) -> None:
    watch = Watch()
    first, second = await agent_in("lost-1"), await agent_in("lost-2")
    await first.play(HOLD_MUSIC_TRACK, tone(MUSIC_HZ, 1.0))
    await second.play("voice", tone(SPEECH_HZ, 1.0))
    async with Caller(url=livekit.url, token=livekit.token("lost-1", "caller"), on_moment=watch) as caller:
        await first.move(livekit.token("lost-2", "caller"), "lost-2")
        await watch.until("left_old_room")
        joined = sum(each.name == "joined" for each in caller.moments)
        async with Rooms(livekit.access) as rooms:
            await rooms.delete("lost-2")
        async with asyncio.timeout(DEADLINE_S):
            while sum(each.name == "joined" for each in caller.moments) == joined:
                await caller.downlink.grown.wait()
        back = caller.clock.now()
        await recorded_until(caller, back + RATE_HZ)
        assert caller.room == "lost-1"
        assert not caller.is_over.is_set()
    assert tone_ms(caller.downlink.mixed()[back:], RATE_HZ, MUSIC_HZ) > 500


async def test_plain_client_knows_no_move(livekit: LiveKit, agent_in: AgentIn) -> None:
    agent = await agent_in("plain")
    async with Caller(url=livekit.url, token=livekit.token("plain", "caller"), can_move=False) as caller:
        with pytest.raises(rtc.RpcError) as refused:
            await agent.move(livekit.token("plain-2", "caller"), "plain-2")
        assert caller.room == "plain"
    assert refused.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


async def test_room_that_lets_the_caller_go_ends_the_call(livekit: LiveKit, agent_in: AgentIn) -> None:
    await agent_in("ends")
    async with Caller(url=livekit.url, token=livekit.token("ends", "caller")) as caller:
        # The same identity joins again: the server disconnects the first.
        usurper = rtc.Room()
        await usurper.connect(livekit.url, livekit.token("ends", "caller"))
        await asyncio.wait_for(caller.is_over.wait(), DEADLINE_S)
        await usurper.disconnect()


async def test_track_that_arrives_while_the_caller_leaves_holds_nobody_up(
    livekit: LiveKit, agent_in: AgentIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await agent_in("leaving")
    async with (
        asyncio.timeout(DEADLINE_S),
        Caller(url=livekit.url, token=livekit.token("leaving", "caller")) as caller,
    ):
        room, late = caller.rtc_room, asyncio.Event()
        room.on("track_subscribed", lambda *_: late.set())
        disconnect = room.disconnect

        async def disconnect_late() -> None:
            await agent.play("voice", tone(SPEECH_HZ, 1.0))
            await late.wait()
            await disconnect()

        monkeypatch.setattr(room, "disconnect", disconnect_late)
    assert late.is_set()
