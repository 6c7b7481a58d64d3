"""What every job process needs and none changes, loaded into the process that imports this, which is all its use.

LiveKit's forkserver does so (`preload_modules`), for it preloads by import alone: the job processes, its forks, share
the memory. Each would hold 35 MB of its own (measured): 19 of sounds, the rest of the voice activity detector, which
runs on its caller's thread. Of the sounds only those that were made before: what makes them starts threads, and a
process with threads must not fork.
"""

import contextlib

from agents import hold_music
from agents.phrase_book import load_kept_phrases
from agents.prompts import load_phrases
from agents.providers.catalog import load_vad
from warm_transfer.transfer.errors import WarmTransferError

with contextlib.suppress(WarmTransferError):  # the worker itself tells what is wrong with the words
    load_kept_phrases(load_phrases())
hold_music.load_kept()
load_vad()
