"""The synthetic caller's voice and ears, in a process of their own.

The models hold Python's lock for up to a second on a busy machine. In the process that receives the caller's
audio that stalls the receiver, LiveKit's native queue drops frames, and the recording gets a hole that no
caller would have heard (measured: 0.8 s of music lost while a sentence of 2 s was recognized).
"""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from agents.providers import local_stt, local_tts
from warm_transfer.stand.caller.downlink import Samples
from warm_transfer.transfer.errors import StartError

SPEECH_RATE_HZ = local_tts.SAMPLE_RATE_HZ
"""Rate of what `speak` gives."""

_LOAD_TIMEOUT_S = 60.0  # 2 s on two idle cores
_TIMEOUT_S = 30.0  # a sentence takes well under 1 s


class SpeechProcess:
    """One process that speaks and understands, one request at a time; ended when the context closes."""

    def __enter__(self) -> Self:
        # spawn: a fork would copy LiveKit's native threads' locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def load(self) -> None:
        """Load the models; the first request would wait for them. Blocks; StartError if they can't be."""
        try:
            self._pool.submit(_load).result(_LOAD_TIMEOUT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            raise StartError("The caller's speech models could not be loaded: run `make setup` again.") from error

    def speak(self, text: str, voice: str) -> Samples:
        """Speech at `SPEECH_RATE_HZ`. Blocks without holding Python's lock; TimeoutError after 30 s."""
        return self._pool.submit(local_tts.synthesize, text, voice).result(_TIMEOUT_S)

    def understand(self, samples: Samples, rate_hz: int) -> str:
        """What is said in `int16[n_samples]`. Blocks as `speak` does."""
        return self._pool.submit(local_stt.transcribe, samples, rate_hz).result(_TIMEOUT_S)


def _load() -> None:
    local_stt.load()
    local_tts.load()


def _begin() -> None:
    """Ctrl-C reaches the whole group; the parent ends us when its calls have ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)  # a person does not think on the machine that serves the call: give way to its audio
