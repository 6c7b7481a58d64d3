"""A recognizer that has nothing in common with the agents' own, to tell a voice from music and noise."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

import numpy as np
from pocketsphinx import Decoder

from warm_transfer.stand.caller.downlink import RATE_HZ, Samples

SPHINX_HZ = 16_000
LEAST_WORDS = 2
LEAST_SHARE = 0.25
"""Of the recognized words, those that are in the text in the same order: on synthesized speech up to two thirds of a
sentence are wrong (measured: 6 of 22 right); of music, and of what nobody said, nearly none are right."""

PHRASE_SHARE = 0.4
"""Of a phrase's words, where others follow: "You are back. I am still here." had 5 of 7 right, "Sorry, we were cut
off for a moment. I am here again." 5 of 12; another turn has 1."""


class SecondEar:
    """PocketSphinx with its own English model. Blocks; one at a time."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=SPHINX_HZ, loglevel="FATAL")

    def transcribe(self, samples: Samples) -> str:
        """What is said in `int16[n_samples]` at 48 kHz."""
        step = RATE_HZ // SPHINX_HZ
        whole = samples[: len(samples) // step * step].astype(np.float32)
        mean = whole.reshape(-1, step).mean(axis=1).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(mean.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""


def says_one_of(heard: str, texts: Iterable[str]) -> bool:
    """Whether what was recognized is (a part of) one of these texts."""
    words = _words(heard)
    return any(_in_order(words, _words(text)) >= max(LEAST_WORDS, LEAST_SHARE * len(words)) for text in texts)


def says_among_more(heard: str, phrase: str) -> bool:
    """Whether the phrase was recognized, whatever else was said in the same breath."""
    text = _words(_whole(phrase))
    return _in_order(_words(_whole(heard)), text) >= max(LEAST_WORDS, PHRASE_SHARE * len(text))


def _in_order(words: Sequence[str], text: Sequence[str]) -> int:
    blocks = SequenceMatcher(a=words, b=text, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


_CONTRACTED = {"'m": " am", "'re": " are", "'ll": " will", "'ve": " have"}
"""A recognizer writes "I'm" for "I am", and the other way round."""


def _whole(text: str) -> str:
    for short, whole in _CONTRACTED.items():
        text = re.sub(rf"{short}\b", whole, text.lower())
    return text


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
