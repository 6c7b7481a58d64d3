"""The reference of the API needs no other server, and a key where the API needs one."""

import re

import pytest

from tests.unit.control_api.site import VIEWER, Site

PAGES = ["/docs", "/redoc", "/openapi.json"]


@pytest.mark.parametrize("path", PAGES)
def test_reference_is_for_who_may_use_the_api(local: Site, path: str) -> None:
    assert local.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_reference_needs_a_key_where_the_api_does(keyed: Site, path: str) -> None:
    assert keyed.get(path).json()["code"] == "key_needed"
    assert keyed.get(path, VIEWER).status_code == 200


@pytest.mark.parametrize("path", PAGES[:2])
def test_reference_loads_nothing_from_elsewhere(local: Site, path: str) -> None:
    page = local.get(path).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) > 1
    assert all(local.get(one).status_code == 200 for one in loaded)
    assert "//" not in "".join(loaded)
