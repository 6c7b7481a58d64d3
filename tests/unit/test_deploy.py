"""The container files hold together: nothing here can run them."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from warm_transfer.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
OF_OTHERS = {"DOMAIN", "POSTGRES_PASSWORD", "LIVEKIT_KEYS", "POSTGRES_USER", "POSTGRES_DB"}
"""Variables that no setting of ours is."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


def test_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_everything_that_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert len(names) > 5
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_variable_is_a_setting_or_another_programs(services: dict[str, Any]) -> None:
    known = {name.upper() for name in Settings.model_fields} | OF_OTHERS
    used = {name for service in services.values() for name in service.get("environment", {})}
    used |= set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    used |= set(re.findall(r"^(\w+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    assert used - known == set()


def test_every_command_is_a_module_of_ours(services: dict[str, Any]) -> None:
    modules = [service["command"][2] for service in services.values() if service.get("command", "")[:1] == ["python"]]
    assert len(modules) == 3
    assert all(importlib.util.find_spec(module) for module in modules)


def test_every_watcher_that_jobs_hold_a_line_to_is_a_service(services: dict[str, Any]) -> None:
    names = [one.split(":")[0] for one in services["worker"]["environment"]["WATCHERS"].split(",")]
    assert len(names) == 2
    assert set(names) <= set(services)


def test_worker_gets_longer_to_end_than_it_takes(services: dict[str, Any]) -> None:
    grace_s = float(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace_s >= Settings.model_fields["drain_timeout_s"].default + 15


def test_every_image_names_its_version_and_every_service_starts_again(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == "always", name
        assert service["image"] == "warm-transfer" or re.search(r":v?\d", service["image"]), name
