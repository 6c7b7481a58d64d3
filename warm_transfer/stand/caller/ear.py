"""Where one voice's utterances begin and end, by their energy."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from warm_transfer.stand.caller.downlink import RATE_HZ, Samples

HOLD_MUSIC_TRACK = "hold_music"
"""Name of the track that plays to a held caller: heard and recorded, but not speech."""
END_OF_TURN_MS = 700
"""Silence after which a voice has finished: longer than a pause between two sentences of an agent."""

_LOUD_RMS = 184.0  # -45 dBFS: a far track's silence is digital zero, the softest syllables are above -40
_ONSET = 3  # loud frames in a row that begin an utterance; a click is shorter
_LEAD_IN = 20  # frames kept before the onset, so that the recognizer gets a soft first sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What a voice said between two silences."""

    room: str
    identity: str
    start_s: float
    """Place of its first loud frame in the recording."""
    end_s: float
    """Place after its last loud frame."""
    samples: Samples
    """int16[n_samples] at 48 kHz, with a little silence around."""


class Ear:
    """Follows one track frame by frame; frames of 10 ms are expected."""

    def __init__(self, *, room: str, identity: str) -> None:
        self._room = room
        self._identity = identity
        self._frames: deque[Samples] = deque(maxlen=_LEAD_IN)
        self._onset = 0
        self._start: int | None = None
        self._end = 0

    @property
    def is_hearing(self) -> bool:
        """Whether an utterance has begun and not ended."""
        return self._start is not None

    def hear(self, samples: Samples, place: int) -> Utterance | None:
        """Take the frame at `place`; the utterance that it ends, if any."""
        self._frames.append(samples)
        if _is_loud(samples):
            self._onset += 1
            self._end = place + len(samples)
            if self._start is None and self._onset >= _ONSET:
                self._start = place - (_ONSET - 1) * len(samples)
                self._frames = deque(self._frames)
            return None
        self._onset = 0
        if self._start is not None and (place - self._end) * 1000 >= END_OF_TURN_MS * RATE_HZ:
            return self.finish()
        return None

    def finish(self) -> Utterance | None:
        """End the utterance here, because its track ends; None if there is none."""
        if self._start is None:
            return None
        utterance = Utterance(
            room=self._room,
            identity=self._identity,
            start_s=self._start / RATE_HZ,
            end_s=self._end / RATE_HZ,
            samples=np.concatenate(self._frames),
        )
        self._start = None
        self._frames = deque(maxlen=_LEAD_IN)
        return utterance


def is_sound(samples: Samples) -> bool:
    """Whether the frame holds anything that a person would hear, speech or music."""
    return bool(np.abs(samples.astype(np.int32)).max(initial=0) > FIRST_SOUND)


def first_sound(samples: Samples) -> int:
    """Index of the first sample that a person would hear."""
    return int(np.argmax(np.abs(samples.astype(np.int32)) > FIRST_SOUND))


FIRST_SOUND = 100  # -50 dBFS


def _is_loud(samples: Samples) -> bool:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) > _LOUD_RMS
