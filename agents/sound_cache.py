"""Sounds that are made once per machine, so that a job process starts without making them again."""

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

CACHE_DIR = Path(__file__).resolve().parent.parent / ".cache" / "sounds"
_MAKERS = ("livekit-agents", "hibari-tts")


def cached_sound(
    made_from: str, make: Callable[[], npt.NDArray[np.float32]], folder: Path = CACHE_DIR
) -> npt.NDArray[np.float32]:
    """The sound that `make` gives, from the cache if it was made before: float32[n_samples].

    `made_from` names everything that the sound depends on, save the versions of the packages that make it. A cache
    that can't be read or written costs time, nothing else; several processes may make the same sound at once.
    """
    kept = kept_sound(made_from, folder)
    if kept is not None:
        return kept
    sound = make()
    keep_sound(made_from, sound, folder)
    return sound


def kept_sound(made_from: str, folder: Path = CACHE_DIR) -> npt.NDArray[np.float32] | None:
    """The sound if it was made before: float32[n_samples]."""
    with contextlib.suppress(OSError, ValueError):
        return np.asarray(np.load(_path(made_from, folder), allow_pickle=False), np.float32)
    return None


def keep_sound(made_from: str, sound: npt.NDArray[np.float32], folder: Path = CACHE_DIR) -> None:
    """Keep a sound for the next process."""
    with contextlib.suppress(OSError):
        _write(_path(made_from, folder), sound)


def _path(made_from: str, folder: Path) -> Path:
    key = " ".join([made_from, *_versions()])
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"


@functools.cache
def _versions() -> tuple[str, ...]:
    return tuple(version(package) for package in _MAKERS)


def _write(path: Path, sound: npt.NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as part:
        np.save(part, sound)
    Path(name).rename(path)
