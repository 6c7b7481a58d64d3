"""When the recognizer looks: moonshine's stream as lines of text, for little CPU and an early final.

Every look decodes the open line from its start. So: look seldom while somebody speaks, look once as soon as
they pause, and when the pause has lasted, that look's text is the final one. The decoding hides in the pause.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from moonshine_voice import Stream, Transcriber, TranscriptLine

Samples = npt.NDArray[np.int16]

SAMPLE_RATE_HZ = 16_000

_INTERIM_S = 0.5  # 0.1 gives the first interim 0.4 s earlier for four times the CPU (1.2 cores)
_LOOK_COST = 3  # a look that took 0.3 s is not repeated for 0.9 s: bounds a stream at a third of a core
_HUSH_S = 0.2  # gaps between words are shorter
# As long as moonshine's own detector waits: the same judgement, but its own costs another look. In noise,
# where loudness shows no pause, moonshine's ends the line at the next slow look.
_PAUSE_S = 0.45
_QUIET_TO_PEAK = 0.1  # 20 dB below the voice
_SILENCE_RMS = 0.003  # -50 dBFS, whatever the peak
_PEAK_KEPT_PER_S = 0.8  # a cough must not make the next sentence count as quiet for long
_PRE_ROLL_S = 0.25  # a word begins before it is loud: the new stream hears this much of the old one's end

# A moonshine stream keeps its lines and audio for ever; between two lines a new one is begun.
_RENEW_S = 30.0
_RENEW_IN_NOISE_S = 300.0

# Speech cut off at its last sample is read with a word too many ("902100" for "90210").
_AFTER_FLUSH = np.zeros(SAMPLE_RATE_HZ // 5, np.int16)
_NOTHING = np.zeros(0, np.int16)

_FORCE = Transcriber.MOONSHINE_FLAG_FORCE_UPDATE  # look even if there is hardly new audio


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stretch of speech; times in seconds of audio since the reader's first sample."""

    line_id: int
    text: str
    start_s: float
    end_s: float
    is_final: bool


class LineReader:
    """One moonshine stream, opened at the first `read()`. For one thread at a time; `is_hearing` for any."""

    def __init__(self, model: Callable[[], Transcriber]) -> None:
        self._model = model
        self._stream: Stream | None = None
        self._open_line: Line | None = None
        self._began_s = 0.0  # where moonshine's clock has its zero
        self._heard_s = 0.0
        self._looked_s = 0.0
        self._look_cost_s = 0.0
        self._pause = _PauseDetector()
        self._pre_roll = _NOTHING

    @property
    def is_hearing(self) -> bool:
        """Whether a line is open or sound came that may become one."""
        return self._open_line is not None or self._pause.has_sound

    def read(self, chunks: Sequence[Samples], is_flushed: bool) -> list[Line]:
        """Take `int16[n_samples]` chunks at 16 kHz and give the lines that changed, in order.

        A flush ends the open line. MoonshineError when the model fails; the reader can then only be closed.
        """
        for chunk in chunks:
            self._hear(chunk)
        if is_flushed:
            return self._finish()
        if self._pause.is_over:
            return [*self._look_unless_seen(), *self._conclude()]
        if self._pause.is_hush:
            return self._look_unless_seen()
        lines = self._look() if self._is_time_to_look() else []
        if self._is_stale():
            self._renew()
        return lines

    def close(self) -> None:
        """Free the stream; a reader that never read has none."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _hear(self, chunk: Samples) -> None:
        self._add(chunk)
        self._heard_s += len(chunk) / SAMPLE_RATE_HZ
        self._pause.hear(chunk)
        kept = int(_PRE_ROLL_S * SAMPLE_RATE_HZ)
        self._pre_roll = np.concatenate([self._pre_roll, chunk])[-kept:]

    def _add(self, samples: Samples) -> None:
        self._opened().add_audio((samples.astype(np.float32) / 32_768).tolist(), SAMPLE_RATE_HZ)

    def _opened(self) -> Stream:
        if self._stream is None:
            # moonshine's own looks are off: they know nothing of pauses.
            self._stream = self._model().create_stream(update_interval=float("inf"))
            self._stream.start()
        return self._stream

    def _renew(self) -> None:
        """Begin a new moonshine stream: 0.1 ms. Stopping the old one fails if it finds nothing to decode."""
        self.close()
        self._began_s = self._heard_s - len(self._pre_roll) / SAMPLE_RATE_HZ
        if self._pre_roll.size:
            self._add(self._pre_roll)

    def _is_time_to_look(self) -> bool:
        unseen_s = self._heard_s - self._looked_s
        return unseen_s >= max(_INTERIM_S, _LOOK_COST * self._look_cost_s)

    def _look_unless_seen(self) -> list[Line]:
        return [] if self._pause.is_seen else self._look()

    def _look(self) -> list[Line]:
        began = time.perf_counter()
        lines = self._opened().update_transcription(_FORCE).lines
        self._look_cost_s = time.perf_counter() - began
        self._looked_s = self._heard_s
        self._pause.is_seen = self._pause.is_hush
        self._open_line = self._line(lines[-1]) if lines and not lines[-1].is_complete else None
        return [self._line(line) for line in lines if line.has_text_changed or (line.is_complete and line.is_updated)]

    def _line(self, line: TranscriptLine) -> Line:
        return Line(
            line_id=line.line_id,
            text=line.text.strip(),
            start_s=self._began_s + line.start_time,
            end_s=self._began_s + line.start_time + line.duration,
            is_final=line.is_complete,
        )

    def _finish(self) -> list[Line]:
        if not self.is_hearing:
            return []
        if not self._pause.is_seen:
            self._add(_AFTER_FLUSH)
            self._pre_roll = _NOTHING  # it ends in speech, whose last word would come again
        return [*self._look_unless_seen(), *self._conclude()]

    def _conclude(self) -> list[Line]:
        """Take the open line for final as it was last seen."""
        line, self._open_line = self._open_line, None
        self._pause.has_sound = False
        self._renew()
        return [replace(line, is_final=True)] if line else []

    def _is_stale(self) -> bool:
        age_s = self._heard_s - self._began_s
        is_due = age_s > _RENEW_S and not self.is_hearing
        return is_due or (age_s > _RENEW_IN_NOISE_S and self._open_line is None)


class _PauseDetector:
    """Says by loudness alone whether the speaker has paused; too faint a voice is left to moonshine."""

    def __init__(self) -> None:
        self.has_sound = False
        self.is_seen = False
        """Whether the line was looked at in this hush: it will say nothing else until there is sound."""
        self._quiet_s = 0.0
        self._peak = 0.0

    @property
    def is_hush(self) -> bool:
        return self.has_sound and self._quiet_s >= _HUSH_S

    @property
    def is_over(self) -> bool:
        return self.has_sound and self._quiet_s >= _PAUSE_S

    def hear(self, chunk: Samples) -> None:
        duration_s = len(chunk) / SAMPLE_RATE_HZ
        rms = float(np.sqrt(np.mean((chunk / 32_768) ** 2)))
        self._peak = max(self._peak * _PEAK_KEPT_PER_S**duration_s, rms)
        if rms < max(_SILENCE_RMS, _QUIET_TO_PEAK * self._peak):
            self._quiet_s += duration_s
        else:
            self._quiet_s = 0.0
            self.has_sound, self.is_seen = True, False
