"""Prompts and fixed phrases, read from `prompts/`: words live there, code never holds them."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from types import MappingProxyType

from warm_transfer.transfer.errors import SettingsError

PROMPTS_DIR = Path(__file__).resolve().parent.parent / "prompts"

DISPOSITIONS = (
    "declined",
    "busy",
    "no_answer",
    "voicemail",
    "unavailable",
    "cancelled",
    "target_left",
    "move_failed",
    "failed",
)
"""Ways a transfer ends with the caller back at Agent A; each has its phrase."""

PROMPTS: Mapping[str, frozenset[str]] = {
    "agent_a": frozenset({"roster"}),
    "on_hold": frozenset(),
    "agent_a_consult": frozenset({"transcript"}),
    "briefing": frozenset({"transcript"}),
    "agent_b_consult": frozenset({"name", "title", "specialist", "needs"}),
    "agent_b": frozenset({"name", "title", "specialist", "colleagues", "briefing"}),
}
"""What the code fills into each prompt; the specialists' own, named by the roster, get nothing."""

DISMISSED = ("caller_left", "cancelled", "no_answer", "move_failed", "failed")
"""Ways an attempt ends that the target learns from Agent A; it knows of the others itself."""

TROUBLES = ("trouble.reply", "trouble.hearing", "trouble.end", "trouble.hand_back")
"""Said when a provider fails."""
SPOKEN_BY_AGENT_B = ("welcome_back", "handing_back", "handing_on", "hand_back_failed", "call_must_end", *TROUBLES)
"""What a specialist says verbatim to the caller, in its own voice."""
_PHRASES = (
    *("greeting", "hold", "waiting", "waiting_keys", "accept", "take_call"),
    *("welcome_back", "resumed", "transfer_resumed"),
    *("handing_back", "handing_on", "hand_back_failed", "handed_back", "handed_on"),
    *("keys.ringing", "keys.consulting", "keys.ask_message", "keys.noted", "call_must_end", "lines_busy"),
    *TROUBLES,
    *("consult_failed.answer", "consult_failed.decline"),
)
# Filled by the loader itself: every prompt of an agent that speaks shares them.
_SHARED = "voice_rules"


class PromptError(SettingsError):
    """A prompt or phrase file is missing, malformed or does not fit what the code fills in."""

    code = "bad_prompt"


class Phrases(Mapping[str, str]):
    """The fixed phrases by key; keys of a table are dotted: "transfer_failed.declined"."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._phrases = MappingProxyType(dict(phrases))

    def __getitem__(self, key: str) -> str:
        return self._phrases[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._phrases)

    def __len__(self) -> int:
        return len(self._phrases)


def load_prompt(prompt: str, prompts_dir: Path = PROMPTS_DIR, /, **values: str) -> str:
    """The text of `<prompt>.md` with its `$placeholders` filled; `$voice_rules` is filled from its own file.

    Values are put in as they are: a `$` in them is no placeholder. Raises PromptError for a missing file, a
    placeholder without value or a value without placeholder.
    """
    path = prompts_dir / f"{prompt}.md"
    template = Template(_read(path))
    placeholders = set(template.get_identifiers())
    if _SHARED in placeholders and _SHARED not in values:
        values[_SHARED] = _read(prompts_dir / f"{_SHARED}.md")
    _refuse(path, "has placeholders without a value", placeholders - set(values))
    _refuse(path, "has no placeholder for", set(values) - placeholders)
    try:
        return template.substitute({key: text.strip() for key, text in values.items()})
    except ValueError as error:
        raise PromptError(f"{path} has a '$' that is no placeholder: write '$$'.") from error


def check_prompts(prompts_dir: Path = PROMPTS_DIR) -> None:
    """Raise PromptError for a prompt that would not load in a call."""
    for prompt, placeholders in PROMPTS.items():
        load_prompt(prompt, prompts_dir, **dict.fromkeys(placeholders, "-"))


def load_phrases(path: Path = PROMPTS_DIR / "phrases.toml") -> Phrases:
    """The fixed phrases; raises PromptError if one is missing, empty or unknown."""
    try:
        tables = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{path} is not valid TOML: {error}.") from error
    found = dict(_flat(tables))
    expected = {
        *_PHRASES,
        *(f"transfer_failed.{disposition}" for disposition in DISPOSITIONS),
        *(f"dismissed.{disposition}" for disposition in DISMISSED),
    }
    _refuse(path, "lacks the phrase", {key for key in expected if not found.get(key, "").strip()})
    _refuse(path, "has an unknown phrase", set(found) - expected)
    return Phrases(found)


def _flat(tables: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} can't be read: {error}.") from error


def _refuse(path: Path, fault: str, names: set[str]) -> None:
    if names:
        raise PromptError(f"{path} {fault}: {', '.join(sorted(names))}.")
