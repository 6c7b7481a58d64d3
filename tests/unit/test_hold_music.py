"""The hold music's loop, its gain, and its life beside a room."""

import asyncio
from types import SimpleNamespace
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from livekit import rtc

from agents import hold_music
from agents.hold_music import LEAD_IN_MS, SAMPLE_RATE_HZ, HoldMusic, HoldSignal, hold_loop

Float = npt.NDArray[np.float32]

WINDOW = hold_music.SAMPLE_RATE_HZ // 50


def hole_count(samples: Float) -> int:
    """Count the 20 ms windows that are more than 15 dB below the median one."""
    windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    levels_db = 20 * np.log10(np.sqrt(np.mean(windows**2, axis=1)) + 1e-9)
    return int(np.sum(levels_db < np.median(levels_db) - 15))


class RecordingSource(rtc.AudioSource):
    """Keeps what is captured, holds as many frames as the real queue, then waits until one is taken: no clock."""

    def __init__(self) -> None:
        super().__init__(hold_music.SAMPLE_RATE_HZ, 1, queue_size_ms=hold_music.QUEUE_MS)
        self.frames: asyncio.Queue[Float] = asyncio.Queue(maxsize=hold_music.QUEUE_MS // hold_music.FRAME_MS)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self.frames.put(np.frombuffer(frame.data, np.int16).astype(np.float32) / np.float32(32_768))

    async def wait_for_playout(self) -> None:
        """Nothing is queued here."""


class FakeRoom:
    """A room that remembers what was published."""

    def __init__(self) -> None:
        self.name = "caller-room"
        self.options: rtc.TrackPublishOptions | None = None
        self.track_name = ""
        self.published: list[str] = []
        self.is_open = True
        self.local_participant = self

    def isconnected(self) -> bool:
        return self.is_open

    async def publish_track(self, track: rtc.LocalAudioTrack, options: rtc.TrackPublishOptions) -> object:
        self.track_name, self.options = track.name, options
        self.published.append("TR_1")
        return SimpleNamespace(sid="TR_1")

    async def unpublish_track(self, sid: str) -> None:
        self.published.remove(sid)


def as_room(fake: FakeRoom) -> rtc.Room:
    return cast(rtc.Room, fake)


def music_tasks() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "hold-music"]


def test_loop_has_no_hole_across_its_boundaries() -> None:
    assert hole_count(np.tile(hold_loop(), 4)) == 0


def test_hole_of_one_window_would_be_found() -> None:
    samples = hold_loop().copy()
    samples[10 * WINDOW : 11 * WINDOW] = 0
    assert hole_count(samples) == 1


def test_loop_boundary_is_no_larger_step_than_the_music_has() -> None:
    loop = hold_loop()
    assert abs(loop[0] - loop[-1]) < np.abs(np.diff(loop)).max()


def test_loop_is_below_full_scale_and_long_enough_not_to_nag() -> None:
    assert np.abs(hold_loop()).max() < 0.5
    assert len(hold_loop()) > 30 * hold_music.SAMPLE_RATE_HZ


def test_reading_in_odd_pieces_gives_the_same_loop() -> None:
    signal = HoldSignal(hold_loop()[:10_000])
    signal.set_gain(1.0, 0)
    pieces = np.concatenate([signal.read(n) for n in (7, 9_990, 4_000, 12_345)])
    assert np.array_equal(pieces, np.resize(hold_loop()[:10_000], len(pieces)))


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.2), (0.2, 0.0)])
def test_gain_moves_monotonously_and_arrives(start: float, end: float) -> None:
    signal = HoldSignal(np.ones(1000, np.float32))
    signal.set_gain(start, 0)
    signal.set_gain(end, 200)
    gains = np.concatenate([signal.read(480) for _ in range(25)])
    steps = np.diff(gains) * np.sign(end - start)
    assert steps.min() >= 0
    assert steps.max() < 0.001
    assert gains[0] == pytest.approx(start)
    assert gains[200 * 48 :] == pytest.approx(end)


def test_gain_changed_in_the_middle_of_a_ramp_goes_on_from_there() -> None:
    signal = HoldSignal(np.ones(1000, np.float32))
    signal.set_gain(1.0, 100)
    before = signal.read(2400)
    signal.set_gain(0.0, 100)
    after = signal.read(4800)
    assert abs(after[0] - before[-1]) < 0.001
    assert np.all(np.diff(after) <= 0)


def test_gain_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\], got 1.5"):
        HoldSignal(hold_loop()).set_gain(1.5, 0)


async def test_track_is_published_as_music_and_sends_nothing_before_play() -> None:
    source, room = RecordingSource(), FakeRoom()
    async with HoldMusic(source=source) as music:
        await music.publish(as_room(room))
        assert room.options is not None
        assert (room.track_name, room.options.dtx) == ("hold_music", False)
        assert room.options.source != rtc.TrackSource.SOURCE_MICROPHONE
        assert not music_tasks()
        assert source.frames.empty()


async def test_music_plays_without_a_hole_after_its_lead_in_and_fade_in() -> None:
    source = RecordingSource()
    async with HoldMusic(source=source) as music:
        await music.play(0.8, fade_ms=50)
        frames = [await source.frames.get() for _ in range(100)]
    lead_in = LEAD_IN_MS // hold_music.FRAME_MS
    assert not np.concatenate(frames[:lead_in]).any()
    assert hole_count(np.concatenate(frames[lead_in + 1 :])) == 0


async def test_playing_returns_with_the_queue_full_so_that_a_stall_makes_no_hole() -> None:
    source = RecordingSource()
    async with HoldMusic(source=source) as music:
        await music.play()
        assert source.frames.qsize() * hold_music.FRAME_MS >= hold_music.QUEUE_MS - hold_music.FRAME_MS


async def test_leaving_unpublishes_and_leaves_no_task() -> None:
    source, room = RecordingSource(), FakeRoom()
    async with HoldMusic(source=source) as music:
        await music.publish(as_room(room))
        await music.play()
        await source.frames.get()
        assert music_tasks()
    assert not music_tasks()
    assert room.published == []


async def test_leaving_after_the_room_is_gone_is_quiet() -> None:
    room = FakeRoom()
    music = HoldMusic(source=RecordingSource())
    await music.publish(as_room(room))
    room.is_open = False
    await music.aclose()
    await music.aclose()
    assert room.published == ["TR_1"]


def test_ramp_can_begin_later() -> None:
    signal = HoldSignal(np.ones(SAMPLE_RATE_HZ, np.float32))
    signal.set_gain(1.0, 100, after_ms=200)
    samples = signal.read(SAMPLE_RATE_HZ // 2)
    assert np.flatnonzero(samples)[0] == pytest.approx(SAMPLE_RATE_HZ // 5, abs=SAMPLE_RATE_HZ // 200)
    assert samples[SAMPLE_RATE_HZ * 3 // 10] == 1.0
