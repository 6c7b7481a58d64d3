from dataclasses import replace

import numpy as np
import pytest

from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.scenarios import load_scenario
from warm_transfer.stand.demo.evidence import Evidence, HeardTrack, Words, recognise_words
from warm_transfer.stand.demo.left_over import LeftOver
from warm_transfer.stand.demo.room_watch import RoomsSeen
from warm_transfer.stand.demo.timings import timings
from warm_transfer.stand.demo.verdict import Finding, judge, measure, no_silence, similarity

A, B, ME = "agent_a-1", "agent_b-1", "caller-1"
LENGTH_S = 12.0
PHRASES = {
    "greeting": "Hello, this is Alex. How can I help you?",
    "hold": "One moment please, I am connecting you.",
}
WORDS = Words(
    greeting="Hello, this is Alex. How can I help you?",
    hold="One moment, please. I'm connecting you.",
    target_greeting="Hello Susan, this is Ben.",
    target="Hello Susan, this is Ben. I have your account 9 0 2 1 0 7.",
)
CLAIMS = {
    "greeted": "Agent A greeted first",
    "held": "The caller heard the hold phrase",
    "music": "The caller heard music while held",
    "silence": "No silence over 20 ms until Agent B's first sound",
    "moved": "The caller was in the final room",
    "voice": "Agent B spoke in the final room, with another voice",
    "name": "Agent B greeted by name",
    "account": "Agent B knew the account number",
    "left": "Agent A was gone after the move",
    "private": "Nothing of the consult reached the caller",
    "again": "The caller was asked nothing twice",
    "disposition": "Disposition completed",
    "nothing": "Nothing was left 3 s after the end",
}


def voice(start_s: float, end_s: float, hz: float, *, seed: int = 0) -> Samples:
    """Something voiced between two places of an otherwise silent recording: pulses with a random envelope."""
    at = np.arange(round((end_s - start_s) * RATE_HZ)) / RATE_HZ
    steps = np.random.default_rng(seed).uniform(0.4, 1.0, len(at) // 2400 + 1)
    envelope = np.interp(np.arange(len(at)), np.arange(len(steps)) * 2400, steps)
    wave = sum(np.sin(2 * np.pi * hz * k * at) / k for k in range(1, 9))
    samples = np.zeros(round(LENGTH_S * RATE_HZ), np.int16)
    begin = round(start_s * RATE_HZ)
    samples[begin : begin + len(at)] = (4000 * envelope * wave).astype(np.int16)
    return samples


def track(identity: str, audio: Samples, *, room: str = "caller", name: str = "voice") -> HeardTrack:
    return HeardTrack(
        room=room,
        identity=identity,
        name=name,
        first_sound_s=int(np.argmax(np.abs(audio.astype(int)) > 100)) / RATE_HZ,
        audio=audio,
    )


def seen(at_s: float, **people: set[str]) -> RoomsSeen:
    return RoomsSeen(at_s=at_s, people={room: frozenset(who) for room, who in people.items()})


def evidence(*, music: Samples | None = None, target: Samples | None = None, leak: Samples | None = None) -> Evidence:
    """A billing call: greeting 0.5-2 s, caller 2.5-3.5 s, hold from 4 s, Agent B 8-10 s, goodbye 10.5 s."""
    agent_a = voice(0.5, 2.0, 230) + voice(4.0, 5.0, 230)
    music = voice(4.0, 8.01, 150, seed=3) if music is None else music
    target = voice(8.0, 10.0, 170) if target is None else target
    tracks = [track(A, agent_a), track(A, music, name="hold_music"), track(B, target, room="final")]
    heard = agent_a + music + target
    return Evidence(
        scenario=load_scenario("billing"),
        caller_identity=ME,
        caller_room="caller",
        heard=heard if leak is None else (heard + leak).astype(np.int16),
        said=voice(2.5, 3.5, 200) + voice(10.5, 11.5, 200),
        consult=private_words(),
        is_consult_spoken=True,
        tracks=tuple(one for one in tracks if np.any(one.audio)),
        rooms_seen=(
            seen(0.2, caller={ME, A}),
            seen(4.0, caller={ME, A}, consult={A, B}, final={B}),
            seen(8.1, caller={A}, final={ME, B}),
            seen(9.0, final={ME, B}),
            seen(11.5),
        ),
        asked_again=0,
        logged_disposition="completed",
        left_over=LeftOver(rooms=(), participants=(), job_processes=(), seen_after_ms=900),
        job_count=2,
        hold_after_ms=700,
    )


def private_words() -> Samples:
    """Noise that occurs nowhere else, as words do not."""
    samples = np.zeros(round(LENGTH_S * RATE_HZ), np.int16)
    noise = np.random.default_rng(7).normal(0, 2000, 2 * RATE_HZ)
    samples[5 * RATE_HZ : 7 * RATE_HZ] = np.convolve(noise, np.ones(12) / 4, mode="same").astype(np.int16)
    return samples


def findings(call: Evidence, words: Words = WORDS) -> dict[str, Finding]:
    return {one.claim: one for one in judge(call, words, measure(call), PHRASES)}


def failed(call: Evidence, words: Words = WORDS) -> set[str]:
    return {claim for claim, finding in findings(call, words).items() if not finding.holds}


def test_sound_call_holds_every_fact() -> None:
    call = evidence()
    assert {claim: one.measured for claim, one in findings(call).items() if not one.holds} == {}
    assert set(findings(call)) == set(CLAIMS.values())


def test_numbers_are_measured() -> None:
    measures = measure(evidence())
    assert measures.move == "client_move"
    assert measures.move_gap_ms == 0
    assert measures.hold_ms == pytest.approx(4000, abs=20)
    assert measures.consult_leak_ms == 0


def test_transfer_into_the_callers_room_is_named() -> None:
    call = evidence()
    call = replace(
        call,
        tracks=tuple(replace(one, room="caller") for one in call.tracks),
        rooms_seen=(seen(0.2, caller={ME, A}), seen(4.0, caller={ME, A, B}, consult={A, B}), seen(9.0, caller={ME, B})),
    )
    assert failed(call) == set()
    assert (measure(call).move, measure(call).disposition) == ("join_caller_room", "completed")


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("moved", {"rooms_seen": (seen(0.2, caller={ME, A}), seen(9.0, caller={ME}, final={B}))}),
        ("left", {"rooms_seen": (seen(0.2, caller={ME, A}), seen(9.0, caller={A}, final={ME, B}))}),
        ("again", {"asked_again": 1}),
        ("disposition", {"logged_disposition": "declined"}),
        ("nothing", {"job_count": 0}),
        ("greeted", {"said": voice(0.1, 0.4, 200) + voice(2.5, 3.5, 200)}),
        ("private", {"consult": np.zeros(RATE_HZ, np.int16)}),
    ],
)
def test_planted_failure_is_found(key: str, change: dict[str, object]) -> None:
    assert CLAIMS[key] in failed(replace(evidence(), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "left",
    [
        {"rooms": ("final",)},
        {"participants": (A,)},
        {"job_processes": (4711,)},
    ],
)
def test_anything_left_over_is_found(left: dict[str, tuple[str, ...]]) -> None:
    call = evidence()
    assert failed(replace(call, left_over=replace(call.left_over, **left))) == {CLAIMS["nothing"]}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("greeted", {"greeting": "All our lines are busy right now."}),
        ("held", {"hold": ""}),
        ("name", {"target_greeting": "Hello, this is Ben, your billing specialist."}),
        ("account", {"target": "Hello Susan. I have your account 9 0 2 1 0 8."}),
    ],
)
def test_unheard_words_are_found(key: str, change: dict[str, str]) -> None:
    assert failed(evidence(), replace(WORDS, **change)) == {CLAIMS[key]}


def test_hole_in_the_music_is_found_and_measured() -> None:
    music = voice(4.0, 8.01, 150, seed=3)
    music[6 * RATE_HZ : 6 * RATE_HZ + RATE_HZ // 10] = 0
    call = evidence(music=music)
    assert failed(call) == {CLAIMS["silence"]}
    assert measure(call).move_gap_ms == pytest.approx(100, abs=2)
    assert no_silence(call).measured == "longest 100 ms, 2.00 s before it"


def test_music_that_stops_before_agent_b_speaks_is_found() -> None:
    call = evidence(music=voice(4.0, 7.9, 150, seed=3))
    assert failed(call) == {CLAIMS["silence"]}
    assert measure(call).move_gap_ms == pytest.approx(100, abs=2)


def test_missing_music_is_found() -> None:
    assert CLAIMS["music"] in failed(evidence(music=np.zeros(round(LENGTH_S * RATE_HZ), np.int16)))


def test_same_voice_is_found() -> None:
    assert failed(evidence(target=voice(8.0, 10.0, 228))) == {CLAIMS["voice"]}


def test_agent_b_in_another_room_is_found() -> None:
    call = evidence()
    elsewhere = tuple(replace(one, room="consult") if one.identity == B else one for one in call.tracks)
    assert failed(replace(call, tracks=elsewhere)) == {CLAIMS["voice"], CLAIMS["disposition"]}


def test_silent_agent_b_is_found() -> None:
    call = evidence(target=np.zeros(round(LENGTH_S * RATE_HZ), np.int16))
    assert {CLAIMS["voice"], CLAIMS["silence"], CLAIMS["left"]} <= failed(call)
    assert measure(call).move is None
    assert measure(call).hold_ms is None
    assert measure(call).move_gap_ms is None


def test_leak_under_the_music_is_found_and_measured() -> None:
    call = evidence(leak=(private_words() // 2).astype(np.int16))
    assert failed(call) == {CLAIMS["private"]}
    assert measure(call).consult_leak_ms > 1000


def test_quick_transfer_needs_no_hold() -> None:
    silence = np.zeros(round(LENGTH_S * RATE_HZ), np.int16)
    call = replace(
        evidence(music=silence, target=voice(4.3, 6.0, 170)),
        rooms_seen=(
            seen(0.2, caller={ME, A}),
            seen(3.8, caller={ME, A}, consult={A, B}, final={B}),
            seen(5.0, final={ME, B}),
        ),
    )
    held, music = CLAIMS["held"], CLAIMS["music"]
    assert not {held, music} & failed(call, replace(WORDS, hold=""))


def none_call() -> Evidence:
    call = evidence()
    return replace(
        call,
        scenario=load_scenario("none"),
        tracks=tuple(one for one in call.tracks if one.identity == A and not one.is_music),
        rooms_seen=(seen(0.2, caller={ME, A}), seen(11.5)),
        logged_disposition="none",
        job_count=1,
    )


def test_call_without_transfer_holds_every_fact() -> None:
    assert failed(none_call()) == set()
    assert (measure(none_call()).move, measure(none_call()).hold_ms) == (None, 0)


def test_second_agent_in_a_call_without_transfer_is_found() -> None:
    call = replace(none_call(), rooms_seen=(seen(0.2, caller={ME, A, B}),))
    assert failed(call) == {"Nobody was transferred"}


def test_log_that_claims_what_was_not_seen_is_found() -> None:
    call = evidence()
    unmoved = replace(call, rooms_seen=(seen(0.2, caller={ME, A}), seen(9.0, caller={ME, A}, consult={A, B})))
    assert measure(unmoved).disposition == "failed"
    assert measure(replace(unmoved, logged_disposition="declined")).disposition == "declined"
    assert failed(replace(none_call(), logged_disposition="completed")) == {"Disposition none"}


def test_recognizer_gets_the_right_parts() -> None:
    call, asked = evidence(), []

    def recognise(samples: Samples, rate_hz: int) -> str:
        asked.append(len(samples) / rate_hz)
        return f"{len(asked)}"

    words = recognise_words(call, recognise)
    assert words == Words(greeting="1", target_greeting="3 / 2", target="2", hold="4")
    assert asked == [pytest.approx(seconds, abs=0.6) for seconds in (1.5, 2.0, 2.0, 1.0)]


def test_timings_come_from_the_recordings() -> None:
    call = evidence()
    times = dict(timings(call, measure(call)))
    assert times["joining, Agent A's first word"] == pytest.approx(500, abs=20)
    assert times["consent, hold phrase"] == pytest.approx(500, abs=40)
    assert times["consent, Agent B's first word"] == pytest.approx(4500, abs=40)
    assert times["hang-up, nothing left"] == 900


@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        ("Hello Mario, this is Ben", 0.75, 0.95),
        ("maria", 1.0, 1.0),
        ("Hello, this is Ben", 0.0, 0.6),
        ("", 0.0, 0.0),
    ],
)
def test_similarity_finds_a_name_as_it_is_heard(text: str, at_least: float, at_most: float) -> None:
    assert at_least <= similarity("Maria", text) <= at_most
