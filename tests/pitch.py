"""A speaker's pitch, for tests that ask who is speaking."""

import numpy as np
import numpy.typing as npt

_WINDOW_S = 0.04
_STEP_S = 0.01
_LOUD_RMS = 0.02
_RANGE_HZ = (70.0, 450.0)
_VOICED = 0.4  # of the autocorrelation at lag 0


def median_pitch_hz(samples: npt.NDArray[np.int16], sample_rate_hz: int) -> float:
    """Give the median over the voiced windows of `int16[n_samples]`; nan where nothing is voiced."""
    width, step = int(_WINDOW_S * sample_rate_hz), int(_STEP_S * sample_rate_hz)
    windows = np.lib.stride_tricks.sliding_window_view(samples / 32_768, width)[::step]
    loud = windows[np.sqrt(np.mean(windows**2, axis=1)) > _LOUD_RMS]
    pitches = [_pitch_hz(window, sample_rate_hz) for window in loud]
    return float(np.nanmedian(pitches)) if pitches else float("nan")


def _pitch_hz(window: npt.NDArray[np.float64], sample_rate_hz: int) -> float:
    centred = (window - window.mean()) * np.hanning(len(window))
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    correlation = np.fft.irfft(spectrum)
    shortest, longest = int(sample_rate_hz / _RANGE_HZ[1]), int(sample_rate_hz / _RANGE_HZ[0])
    lag = shortest + int(np.argmax(correlation[shortest:longest]))
    return sample_rate_hz / lag if correlation[lag] > _VOICED * correlation[0] else float("nan")
