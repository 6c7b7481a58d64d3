"""Who can be Agent B, for display: the worker reads the same file, in full, and refuses what is wrong in it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from warm_transfer.transfer.errors import SettingsError
from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of the roster."""

    id: str
    name: str
    title: str
    skills: tuple[str, ...]
    kind: Literal["ai", "human"]
    masks: frozenset[str]
    """What of the caller's words they are not told; the worker knows no other kinds."""


def read_roster(path: Path) -> tuple[Listed, ...]:
    """Everybody, in the order of the file.

    Raises:
        SettingsError: the file can't be read or is no roster.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["specialist"]
        return tuple(_listed(entry) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"The roster {path} can't be read: mend it, or ROSTER_FILE") from error


def _listed(entry: dict[str, Any]) -> Listed:
    return Listed(
        id=str(entry["id"]),
        name=str(entry["name"]),
        title=str(entry["title"]),
        skills=tuple(str(skill).strip().lower() for skill in entry["skills"]),
        kind="human" if entry.get("kind") == "human" else "ai",
        masks=frozenset(str(kind) for kind in entry.get("masks", MASKED_BY_DEFAULT)),
    )
