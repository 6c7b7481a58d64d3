from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.control_api.site import KEYS, Site, running


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Site]:
    """As it is on one machine: no keys."""
    with running(tmp_path) as site:
        yield site


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Site]:
    """With keys, asked from elsewhere."""
    with running(tmp_path, api_keys=KEYS, peer="203.0.113.7") as site:
        yield site
