from itertools import pairwise
from pathlib import Path

import numpy as np

from warm_transfer.stand.caller.downlink import (
    PLAYOUT_DELAY,
    RATE_HZ,
    CallClock,
    Downlink,
    Lane,
    Samples,
    mix,
    read_wav,
    write_wav,
)
from warm_transfer.stand.caller.ear import END_OF_TURN_MS, Ear, Utterance
from warm_transfer.stand.listening import silent_runs

FRAME = RATE_HZ // 100


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def frame(value: int = 5000) -> Samples:
    return np.full(FRAME, value, np.int16)


def lane(name: str = "voice") -> Lane:
    return Lane(room="room", identity="agent", track_name=name)


def test_frames_that_come_late_and_in_a_burst_leave_no_hole() -> None:
    played = lane()
    for number in range(100):
        late = FRAME * 9 if 40 <= number < 50 else 0
        played.add(frame(), number * FRAME + late)
    assert played.end - PLAYOUT_DELAY == 100 * FRAME
    assert silent_runs(mix([played])[PLAYOUT_DELAY:], RATE_HZ) == []


def test_track_that_gives_nothing_for_300_ms_leaves_a_hole_of_300_ms_at_its_place() -> None:
    played = lane()
    for number in range(100):
        played.add(frame(), (number if number < 50 else number + 30) * FRAME)
    (hole,) = silent_runs(mix([played])[PLAYOUT_DELAY:], RATE_HZ)
    assert (round(hole.start_s, 2), round(hole.length_ms)) == (0.5, 300)


def test_lanes_are_mixed_at_their_places_and_clipped() -> None:
    first, second = lane(), lane()
    first.add(frame(20_000), 0)
    second.add(frame(20_000), FRAME // 2)
    mixed = mix([first, second])
    assert [int(mixed[PLAYOUT_DELAY + at]) for at in (0, FRAME // 2, FRAME)] == [20_000, 32_767, 20_000]


def test_lane_tells_how_late_its_latest_frame_came() -> None:
    late = lane()
    assert late.worst_lateness_ms == 0
    for number, late_ms in enumerate((0, 5, 200, 0)):
        late.add(frame(1), number * FRAME + late_ms * RATE_HZ // 1000)
    assert late.worst_lateness_ms == 200


def test_room_is_cut_at_the_place_where_the_other_begins() -> None:
    clock = Clock()
    downlink = Downlink(CallClock(clock))
    music = downlink.open_lane(room="old", identity="a", track_name="hold_music")
    for _ in range(100):
        downlink.add(music, frame(3000))
    downlink.mute_room("old", music.end - 50 * FRAME)
    late = downlink.open_lane(room="old", identity="a", track_name="late")
    downlink.add(late, frame(3000))
    mixed = downlink.mixed()
    cut = music.end - 50 * FRAME
    assert mixed[cut - 1] == 3000 + 0 * int(late.end)
    assert mixed[cut + RATE_HZ // 10] == 0
    assert late.is_muted


def test_room_that_is_let_in_again_is_heard_from_then_on() -> None:
    clock = Clock()
    downlink = Downlink(CallClock(clock))
    music = downlink.open_lane(room="old", identity="a", track_name="hold_music")
    for _ in range(100):
        downlink.add(music, frame(3000))
    downlink.mute_room("old", PLAYOUT_DELAY + 20 * FRAME)
    clock.s = (PLAYOUT_DELAY + 60 * FRAME) / RATE_HZ
    downlink.unmute_room("old")
    mixed = downlink.mixed()
    assert mixed[PLAYOUT_DELAY + 50 * FRAME] == 0
    assert mixed[PLAYOUT_DELAY + 70 * FRAME] == 3000


def test_wav_file_holds_the_same_samples(tmp_path: Path) -> None:
    samples = np.arange(-500, 500, dtype=np.int16)
    write_wav(tmp_path / "folder" / "file.wav", samples)
    read, rate_hz = read_wav(tmp_path / "folder" / "file.wav")
    assert rate_hz == RATE_HZ
    assert np.array_equal(read, samples)


def hear(ear: Ear, *levels: tuple[int, int]) -> list[Utterance]:
    """`levels`: sample value and number of 10 ms frames."""
    values = [value for value, count in levels for _ in range(count)]
    heard = (ear.hear(frame(value), place * FRAME) for place, value in enumerate(values))
    return [utterance for utterance in heard if utterance]


def test_utterance_ends_after_the_silence_of_a_turn() -> None:
    (utterance,) = hear(Ear(room="r", identity="a"), (0, 50), (2000, 30), (0, END_OF_TURN_MS // 10 + 1))
    assert (utterance.start_s, utterance.end_s) == (0.5, 0.8)


def test_pause_within_a_turn_does_not_end_it() -> None:
    ear = Ear(room="r", identity="a")
    assert hear(ear, (2000, 30), (0, 40), (2000, 30), (0, 40)) == []
    assert ear.is_hearing


def test_click_is_no_utterance() -> None:
    ear = Ear(room="r", identity="a")
    assert hear(ear, (0, 20), (20_000, 2), (0, 100)) == []


def test_utterance_holds_a_lead_in_and_each_frame_once() -> None:
    ear = Ear(room="r", identity="a")
    hear(ear, (1, 50), (2000, 30), (2, 10))
    utterance = ear.finish()
    assert utterance is not None
    steps = [int(value) for value in utterance.samples[::FRAME]]
    assert steps.count(2000) == 30
    assert steps.count(1) > 10
    assert all(first <= second or second == 2 for first, second in pairwise(steps))


def test_track_that_ends_in_mid_speech_ends_the_utterance() -> None:
    ear = Ear(room="r", identity="a")
    hear(ear, (2000, 30))
    utterance = ear.finish()
    assert utterance is not None
    assert utterance.end_s == 0.3
    assert ear.finish() is None
