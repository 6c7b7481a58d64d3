"""Sounds of this machine's cache, read into the process that imports this; importing it is all its use.

LiveKit's forkserver does so (`preload_modules`), for it preloads by import alone: the job processes, its forks, share
the memory. Each would hold 19 MB of its own (measured). Only what was made before is read: the models that make sounds
start threads, and a process with threads must not fork.
"""

import contextlib

from agents import hold_music
from agents.phrase_book import load_kept_phrases
from agents.prompts import load_phrases
from warm_transfer.transfer.errors import WarmTransferError

with contextlib.suppress(WarmTransferError):  # the worker itself tells what is wrong with the words
    load_kept_phrases(load_phrases())
hold_music.load_kept()
