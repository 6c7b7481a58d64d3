"""Who a caller can be transferred to, read from `agents/roster.toml`."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from agents.prompts import load_prompt
from warm_transfer.providers import offer
from warm_transfer.transfer.errors import SettingsError
from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT, PRIVATE_KINDS, PrivateKind

ROSTER_PATH = Path(__file__).resolve().parent / "roster.toml"

Kind = Literal["ai", "human"]

_PERSON_KEYS = {"id", "kind", "masks", "name", "title", "skills"}
_KEYS = _PERSON_KEYS | {"needs", "prompt", "voice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """One Agent B: a model, or a person at a desk, who has no needs, prompt or voice of ours."""

    id: str
    """The destination of a transfer; unique in the roster."""
    kind: Kind = "ai"
    name: str
    title: str
    skills: tuple[str, ...]
    """What Agent A may offer this specialist for; of several with a skill the first in the file is called first."""
    needs: tuple[str, ...] = ()
    """Fact kinds asked back for in the consult when the briefing lacks them."""
    prompt: str = ""
    """Name of the prompt file that says what this specialist can do."""
    voice: Mapping[str, str] = field(default_factory=dict)
    """Voice id by TTS provider."""
    masks: frozenset[PrivateKind] = MASKED_BY_DEFAULT
    """What of the caller's words this specialist is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All specialists, in the order of the file."""

    specialists: tuple[Specialist, ...]

    def get(self, specialist_id: str) -> Specialist | None:
        """The specialist with that id, None if there is none."""
        return next((one for one in self.specialists if one.id == specialist_id), None)

    def for_skill(self, skill: str) -> tuple[Specialist, ...]:
        """Everybody who has that skill (case and outer space do not matter), in the order to be called."""
        wanted = skill.strip().lower()
        return tuple(one for one in self.specialists if wanted in one.skills)

    def masks_for(self, specialist_id: str) -> frozenset[PrivateKind]:
        """What that target is not told; everything private, if it is not on the roster."""
        specialist = self.get(specialist_id)
        return PRIVATE_KINDS if specialist is None else specialist.masks

    def without(self, specialist_id: str) -> "Roster":
        """Everybody else."""
        return Roster(specialists=tuple(one for one in self.specialists if one.id != specialist_id))

    @property
    def models(self) -> tuple[Specialist, ...]:
        """Those who are no persons."""
        return tuple(one for one in self.specialists if one.kind == "ai")

    @property
    def skills(self) -> tuple[str, ...]:
        """Every skill that can be offered."""
        return tuple(dict.fromkeys(skill for one in self.specialists for skill in one.skills))

    def as_text(self) -> str:
        """One line per specialist for a prompt, the models first: they are always there. The local model reads this."""
        people = tuple(one for one in self.specialists if one.kind == "human")
        return "\n".join(_line(one) for one in self.models + people)


def load_roster(path: Path = ROSTER_PATH) -> Roster:
    """The roster of a TOML file; raises SettingsError naming file and key."""
    entries = _read(path).get("specialist")
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{path} has no [[specialist]]: add at least one.")
    specialists = tuple(_specialist(path, number, entry) for number, entry in enumerate(entries, start=1))
    _refuse_doubles(path, "id", [one.id for one in specialists])
    return Roster(specialists=specialists)


def check_roster(roster: Roster, *, tts_provider: str, local_voices: Collection[str]) -> None:
    """Refuse at start what would break in a call: a prompt that does not load, a voice that does not exist.

    Raises:
        SettingsError: naming the specialist.
    """
    for one in roster.models:
        load_prompt(one.prompt)
        voice = one.voice.get(tts_provider) or offer("tts", tts_provider).voice
        if voice is None:
            raise SettingsError(f"Specialist {one.id} has no voice for TTS_PROVIDER={tts_provider}: add it to `voice`.")
        if tts_provider == "local" and voice not in local_voices:
            raise SettingsError(
                f"Specialist {one.id}: there is no local voice {voice!r}, only {', '.join(local_voices)}."
            )


def _line(one: Specialist) -> str:
    needs = ", ".join(one.needs) or "nothing"
    return f"- {one.id}: {one.name}, {one.title}; skills: {', '.join(one.skills)}; needs: {needs}"


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The roster {path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The roster {path} is not valid TOML: {error}.") from error


def _specialist(path: Path, number: int, entry: object) -> Specialist:
    where = f"{path}, specialist {number}"
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is not a table.")
    kind = entry.get("kind", "ai")
    if kind not in ("ai", "human"):
        raise SettingsError(f'{where}: `kind` must be "ai" or "human".')
    if unknown := set(entry) - (_KEYS if kind == "ai" else _PERSON_KEYS):
        raise SettingsError(f"{where} has an unknown key: {', '.join(sorted(unknown))}.")
    if kind == "human":
        return Specialist(
            id=_name(where, entry, "id"),
            kind="human",
            name=_text(where, entry, "name"),
            title=_text(where, entry, "title"),
            skills=_texts(where, entry, "skills", least=1),
            masks=_masks(where, entry),
        )
    return Specialist(
        id=_name(where, entry, "id"),
        name=_text(where, entry, "name"),
        title=_text(where, entry, "title"),
        skills=_texts(where, entry, "skills", least=1),
        needs=_texts(where, entry, "needs", least=0),
        prompt=_name(where, entry, "prompt"),
        voice=_voices(where, entry),
        masks=_masks(where, entry),
    )


def _text(where: str, entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise SettingsError(f"{where}: `{key}` must be a text that is not empty.")
    return value.strip()


def _name(where: str, entry: Mapping[str, object], key: str) -> str:
    value = _text(where, entry, key)
    if not re.fullmatch(r"[a-z0-9_]+", value):  # it becomes a file name, an identity, a line of a prompt
        raise SettingsError(f"{where}: `{key}` must be of a to z, 0 to 9 and _ alone.")
    return value


def _texts(where: str, entry: Mapping[str, object], key: str, *, least: int) -> tuple[str, ...]:
    value = entry.get(key)
    if (
        not isinstance(value, list)
        or len(value) < least
        or not all(isinstance(text, str) and text.strip() for text in value)
    ):
        raise SettingsError(f"{where}: `{key}` must be a list of at least {least} texts.")
    return tuple(str(text).strip().lower() for text in value)


def _voices(where: str, entry: Mapping[str, object]) -> Mapping[str, str]:
    value = entry.get("voice")
    if not isinstance(value, dict) or not value or not all(isinstance(voice, str) for voice in value.values()):
        raise SettingsError(f"{where}: `voice` must be a table of voice ids by TTS provider.")
    return MappingProxyType({str(provider): str(voice) for provider, voice in value.items()})


def _masks(where: str, entry: Mapping[str, object]) -> frozenset[PrivateKind]:
    if "masks" not in entry:
        return MASKED_BY_DEFAULT
    named = set(_texts(where, entry, "masks", least=0))
    if unknown := named - PRIVATE_KINDS:
        known = ", ".join(sorted(PRIVATE_KINDS))
        raise SettingsError(f"{where}: `masks` has {', '.join(sorted(unknown))}; what can be masked: {known}.")
    if needed := named & set(_texts(where, entry, "needs", least=0)):
        raise SettingsError(f"{where} needs what it `masks`: {', '.join(sorted(needed))}.")
    return frozenset(kind for kind in PRIVATE_KINDS if kind in named)


def _refuse_doubles(path: Path, key: str, values: list[str]) -> None:
    doubles = sorted({value for value in values if values.count(value) > 1})
    if doubles:
        raise SettingsError(f"{path}: `{key}` must be unique, these are not: {', '.join(doubles)}.")
