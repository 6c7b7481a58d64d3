"""The README claims only what is there."""

import re
from pathlib import Path

import pytest

from warm_transfer.settings import settings_table
from warm_transfer.transfer.diagram import mermaid

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_state_diagram_is_the_tables() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in README


def test_settings_table_lists_every_setting_with_its_default() -> None:
    rows = [
        f"| `{row.env_name}` | {f'`{row.default}`' if row.default else ''} | {row.why} |" for row in settings_table()
    ]
    assert [line for line in README.splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))))
def test_every_make_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_every_place_in_the_layout_exists() -> None:
    layout = README.split("## Layout")[1].split("```")[1]
    folder = ROOT
    for line in layout.strip().splitlines():
        name = line.split()[0]
        path = (folder if line.startswith("  ") else ROOT) / name
        assert path.exists(), name
        if not line.startswith("  ") and name.endswith("/"):
            folder = ROOT / name


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", re.findall(r"worker\.py (\w+)", README))
def test_every_worker_command_that_is_named_exists(command: str) -> None:
    assert re.search(rf"^def {command}\(", (ROOT / "worker.py").read_text(), re.MULTILINE)
