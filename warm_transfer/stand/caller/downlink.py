"""All that reaches a caller's ears, on one clock: one lane per remote track, mixed at the end."""

import asyncio
import time
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 48_000
PLAYOUT_DELAY = RATE_HZ * 80 // 1000
"""Samples between a track's first frame and its place in the recording, as a player's jitter buffer."""

# LiveKit hands out 10 ms frames at an even pace: measured over 10 s, no drift against the clock (0.2 ms). On busy cores
# they come late and then in a burst: a backlog of ours, no hole. A hole is what is never made up for: the least
# lateness of all frames that follow.
_STALL = RATE_HZ * 20 // 1000
_FADE = RATE_HZ * 80 // 1000  # the old room's music still covers the soft attack of Agent B's first word

Samples = npt.NDArray[np.int16]


class CallClock:
    """Samples at 48 kHz since the call began; `started_at` is the beginning in seconds since the epoch."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._origin_s = monotonic_s()
        self.started_at = time.time()

    def now(self) -> int:
        """Samples passed until now."""
        return int((self._monotonic_s() - self._origin_s) * RATE_HZ)

    def now_s(self) -> float:
        """Seconds passed until now: a place in the recordings."""
        return self._monotonic_s() - self._origin_s


@dataclass(slots=True, kw_only=True)
class Lane:
    """One track's audio, laid end to end from where its first frame came."""

    room: str
    identity: str
    track_name: str
    delay: int = PLAYOUT_DELAY
    end: int = 0
    """Place after the last sample, as far as can be known while frames still come; 0 before the first."""
    _chunks: list[Samples] = field(default_factory=list)
    _arrivals: list[int] = field(default_factory=list)
    _mutes: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def is_muted(self) -> bool:
        """Whether the lane is cut out of the mix from some place on."""
        return bool(self._mutes) and self._mutes[-1][1] is None

    @property
    def worst_lateness_ms(self) -> float:
        """How much later than the most punctual one the latest frame came: what our own receiver was held up."""
        if not self._chunks:
            return 0.0
        lateness = self._lateness()
        return float(lateness.max() - lateness.min()) * 1000 / RATE_HZ

    def add(self, samples: Samples, now: int) -> int:
        """Append a frame that arrived `now`; its place in the recording."""
        place = self.end if self._chunks else now + self.delay
        self._chunks.append(samples)
        self._arrivals.append(now + self.delay)
        self.end = place + len(samples)
        return place

    def mute(self, place: int) -> None:
        """Take the lane out of the mix from `place` on, with a short fade."""
        if not self.is_muted:
            self._mutes.append((place, None))

    def unmute(self, place: int) -> None:
        """Take the lane into the mix again."""
        if self.is_muted:
            self._mutes[-1] = (self._mutes[-1][0], place)

    def frames(self) -> Iterator[tuple[int, Samples]]:
        """Each frame and when it arrived, in samples on the call's clock: without a player's delay."""
        return ((arrival - self.delay, chunk) for arrival, chunk in zip(self._arrivals, self._chunks, strict=True))

    def rendered(self) -> tuple[int, npt.NDArray[np.float32]]:
        """Where the lane begins, and its audio from there on: float32[n_samples] in int16's range."""
        begin, samples = self._laid()
        audio = samples.astype(np.float32)
        for mute, unmute in self._mutes:
            first = max(mute - begin, 0)
            last = len(audio) if unmute is None else max(unmute - begin, first)
            part = audio[first:last]
            fade = np.linspace(1.0, 0.0, min(_FADE, len(part)), dtype=np.float32)
            part[: len(fade)] *= fade
            part[len(fade) :] = 0.0
        return begin, audio

    def _lateness(self) -> npt.NDArray[np.int64]:
        """When each frame came, counted from where it would lie without any hole, in samples."""
        lengths = np.array([len(chunk) for chunk in self._chunks])
        places: npt.NDArray[np.int64] = np.cumsum(lengths) - lengths
        return np.array(self._arrivals, np.int64) - places

    def _laid(self) -> tuple[int, Samples]:
        if not self._chunks:
            return 0, np.zeros(0, np.int16)
        lasting = np.minimum.accumulate(self._lateness()[::-1])[::-1]
        begin, missing, laid = self._arrivals[0], 0, []
        for chunk, late in zip(self._chunks, lasting, strict=True):
            hole = int(late) - begin - missing
            if hole > _STALL:
                laid.append(np.zeros(hole, np.int16))
                missing += hole
            laid.append(chunk)
        return begin, np.concatenate(laid)


class Downlink:
    """The lanes of every room that a caller is in."""

    def __init__(self, clock: CallClock) -> None:
        self._clock = clock
        self.lanes: list[Lane] = []
        self.grown = asyncio.Event()
        """Pulsed with each frame: who waits on it is woken by the next one."""
        self._muted: dict[str, int] = {}

    def open_lane(self, *, room: str, identity: str, track_name: str) -> Lane:
        """Open a lane for a track that was just subscribed."""
        lane = Lane(room=room, identity=identity, track_name=track_name)
        self.lanes.append(lane)
        if room in self._muted:
            lane.mute(self._muted[room])
        return lane

    def mute_room(self, room: str, place: int) -> None:
        """Cut every lane of the room, also those to come, out of the mix from `place` on."""
        self._muted[room] = place
        for lane in self._of(room):
            lane.mute(place)

    def unmute_room(self, room: str) -> None:
        """Let the room be heard again from now on."""
        self._muted.pop(room, None)
        for lane in self._of(room):
            lane.unmute(self._clock.now())

    def add(self, lane: Lane, samples: Samples) -> int:
        """Lay a frame that arrived now into its lane; its place."""
        place = lane.add(samples, self._clock.now())
        self.grown.set()
        self.grown.clear()
        return place

    def mixed(self) -> Samples:
        """The mix from the start of the call: int16[n_samples] at 48 kHz."""
        return mix(self.lanes)

    def _of(self, room: str) -> Iterable[Lane]:
        return (lane for lane in self.lanes if lane.room == room)


def mix(lanes: Iterable[Lane]) -> Samples:
    """Sum the lanes at their places from 0 on, clipped to int16."""
    heard = [lane.rendered() for lane in lanes]
    mixed = np.zeros(max((begin + len(audio) for begin, audio in heard), default=0), np.float32)
    for begin, audio in heard:
        mixed[begin : begin + len(audio)] += audio
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def write_wav(path: Path, samples: Samples, rate_hz: int = RATE_HZ) -> None:
    """Write a mono 16-bit WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())


def read_wav(path: Path) -> tuple[Samples, int]:
    """The samples of a mono 16-bit WAV file, and its rate in Hz."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()
