from pathlib import Path

import numpy as np
import numpy.typing as npt

from agents.sound_cache import cached_sound


class Maker:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> npt.NDArray[np.float32]:
        self.made += 1
        return np.arange(5, dtype=np.float32)


def test_sound_is_made_once(tmp_path: Path) -> None:
    make = Maker()
    first, second = (cached_sound("a", make, tmp_path) for _ in range(2))
    assert make.made == 1
    assert np.array_equal(first, second)


def test_other_origin_is_another_sound(tmp_path: Path) -> None:
    make = Maker()
    cached_sound("a", make, tmp_path)
    cached_sound("b", make, tmp_path)
    assert make.made == 2


def test_broken_file_is_made_anew(tmp_path: Path) -> None:
    make = Maker()
    cached_sound("a", make, tmp_path)
    next(tmp_path.iterdir()).write_bytes(b"torn")
    assert len(cached_sound("a", make, tmp_path)) == 5
    assert make.made == 2


def test_cache_that_can_not_be_written_loses_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(cached_sound("a", Maker(), blocked / "below")) == 5
