"""A sound that tells for each moment of it which moment that is: what of it reached nobody can be counted.

A tone that rises from 1 to 5 kHz twice a second. A receiver's jitter buffer may stretch or drop a little of it; what
counts is which parts came at all, in whatever room.
"""

from collections.abc import Sequence

import numpy as np

from warm_transfer.stand.caller.downlink import RATE_HZ, Samples

PERIOD_S = 0.5
_PERIOD_MS = PERIOD_S * 1000
_LOW_HZ, _HIGH_HZ = 1000.0, 5000.0
_LEVEL = 6000.0
_WINDOW = RATE_HZ * 20 // 1000
_HOP = RATE_HZ * 5 // 1000
_LOUD_RMS = 250.0
_STEP_MS = 40.0
"""Two windows of one track that are no further apart in the sweep have no hole between them; a hole that is shorter
can't be told from a jitter buffer that hurries."""

Span = tuple[float, float]
Track = tuple[int, Samples]
"""Where it begins on some clock, in samples at 48 kHz, and its sound from there on."""


def sweep(length_s: float, rate_hz: int = RATE_HZ) -> Samples:
    """int16[n_samples]; whole periods follow each other without a seam."""
    at_s = np.arange(int(length_s * rate_hz)) / rate_hz
    phase_s = at_s % PERIOD_S
    rise = (_HIGH_HZ - _LOW_HZ) / PERIOD_S
    turned = _LOW_HZ * phase_s + rise * phase_s**2 / 2
    return np.asarray(_LEVEL * np.sin(2 * np.pi * turned)).astype(np.int16)


def longest_loss_ms(tracks: Sequence[Track]) -> float:
    """The longest part of the sweep that is in none of the tracks, between what came first and what came last.

    ValueError if no track has any of it.
    """
    windows = [_windows(first, sound) for first, sound in tracks]
    lateness = [at_ms - within_ms for track in windows for at_ms, within_ms in track]
    if not lateness:
        raise ValueError("nothing of the sweep was heard")
    usual_ms = _usual_ms(lateness)
    covered = sorted(span for track in windows for span in _heard_parts(track, usual_ms))
    if not covered:
        raise ValueError("nothing of the sweep was heard for long enough")
    longest, end = 0.0, covered[0][1]
    for start, stop in covered:
        longest = max(longest, start - end)
        end = max(end, stop)
    return longest


def _usual_ms(lateness: Sequence[float]) -> float:
    """How much later than said the sweep usually comes, within a period: whoever hears it knows no more."""
    turns = np.exp(2j * np.pi * np.array(lateness) / _PERIOD_MS)
    return float(np.angle(turns.mean()) / (2 * np.pi) * _PERIOD_MS)


def _heard_parts(windows: Sequence[tuple[float, float]], usual_ms: float) -> list[Span]:
    """The parts of the sweep in one track, in ms of it."""
    spans: list[Span] = []
    for at_ms, within_ms in windows:
        # The tone tells the place within its period; which period, the time: all tracks come about equally late.
        place_ms = within_ms + _PERIOD_MS * round((at_ms - within_ms - usual_ms) / _PERIOD_MS)
        if spans and -_STEP_MS < place_ms - spans[-1][1] <= _STEP_MS:
            spans[-1] = (spans[-1][0], max(place_ms, spans[-1][1]))
        else:
            spans.append((place_ms, place_ms))
    # A window is heard in its middle half: its edges are faded.
    half_ms = _WINDOW * 250 / RATE_HZ
    return [(begin - half_ms, end + half_ms) for begin, end in spans if end - begin >= _STEP_MS]


def _windows(first: int, sound: Samples) -> list[tuple[float, float]]:
    """When the middle of each loud window came, and which place within the period its tone is, both in ms."""
    shape, size = np.hanning(_WINDOW), 4 * _WINDOW
    found: list[tuple[float, float]] = []
    for begin in range(0, len(sound) - _WINDOW, _HOP):
        part = sound[begin : begin + _WINDOW].astype(np.float64)
        if np.sqrt(np.mean(part**2)) < _LOUD_RMS:
            continue
        hz = float(np.argmax(np.abs(np.fft.rfft(part * shape, size)))) * RATE_HZ / size
        within_ms = (hz - _LOW_HZ) / (_HIGH_HZ - _LOW_HZ) * _PERIOD_MS
        if 0 <= within_ms <= _PERIOD_MS:
            found.append(((first + begin + _WINDOW / 2) * 1000 / RATE_HZ, within_ms))
    return found
