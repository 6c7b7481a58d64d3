"""What all job processes have in common is loaded once, in the forkserver that they are forks of."""

import json
import multiprocessing
import os
import subprocess
import sys
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
from livekit.plugins.silero.onnx_model import OnnxModel as SileroModel

from agents import phrase_book
from agents.phrase_book import load_kept_phrases, local_phrases
from agents.prompts import Phrases, load_phrases
from agents.providers import catalog
from worker import PRELOADED

PHRASES = load_phrases()
SILENCE = np.zeros(512, np.float32)
THREADS = Path("/proc/self/task")
ME = "tests.unit.test_shared_memory"


def look(told: "SimpleQueue[tuple[list[str], int, int, float]]") -> None:
    """In a job process, before it does anything."""
    inherited = [name for name in PRELOADED if name in sys.modules]
    detectors = catalog.load_vad.cache_info().currsize
    speech = float(SileroModel(onnx_session=catalog.load_vad()._onnx_session, sample_rate=16000)(SILENCE))  # type: ignore[attr-defined]
    told.put((inherited, phrase_book._local_frames.cache_info().currsize, detectors, speech))


def fork() -> None:
    """In a process of its own: a process has one forkserver, and this one's may have been used already."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    told: SimpleQueue[tuple[list[str], int, int, float]] = processes.SimpleQueue()
    process = processes.Process(target=look, args=(told,))
    process.start()
    sys.stdout.write(json.dumps(told.get()))
    process.join()


def test_job_processes_inherit_code_sounds_and_a_detector_that_works() -> None:
    local_phrases(PHRASES, "ada", ["greeting"])  # made before, as by the first process on a machine
    done = subprocess.run(
        [sys.executable, "-c", f"from {ME} import fork; fork()"], capture_output=True, text=True, timeout=60, check=True
    )
    inherited, phrases, detectors, speech = json.loads(done.stdout)
    assert inherited == PRELOADED
    assert (phrases >= 1, detectors) == (True, 1)
    assert speech < 0.1


def test_detector_starts_no_thread_which_a_fork_would_lack() -> None:
    catalog.load_vad.cache_clear()
    before = len(list(THREADS.iterdir()))
    catalog.load_vad()
    assert len(list(THREADS.iterdir())) == before


def test_what_was_not_made_before_is_not_made_where_processes_fork() -> None:
    phrase_book._local_frames.cache_clear()
    load_kept_phrases(Phrases({"other": f"Nobody ever said this in {os.getpid()} lives."}))
    assert phrase_book._local_frames.cache_info().currsize == 0
