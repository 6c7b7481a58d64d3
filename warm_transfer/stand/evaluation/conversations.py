"""The form of a conversation to be judged: what the caller says, and what should come of it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from warm_transfer.transfer.errors import SettingsError

SETS_DIR = Path(__file__).with_name("sets")

Trigger = Literal["transfer", "refused", "none"]
"""The transfer starts; it is offered and the caller says no; it is not even offered."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Part):
    """What should come of a conversation."""

    trigger: Trigger
    target: str | None = None
    """A roster id; None where nothing is offered."""
    facts: Mapping[str, Texts] = {}
    """By kind; the last value of each."""
    tells: tuple[str, ...] = ()
    """Words that the briefing must have, alternatives with "|"."""
    wrong: tuple[str, ...] = ()
    """Words that the briefing and Agent A's answers must not have."""
    private: tuple[str, ...] = ()
    """Words that the target's policy masks."""
    unspoken: tuple[str, ...] = ()
    """Words that Agent A must not say to the caller."""


class Ask(_Part):
    """A question of Agent B."""

    question: str
    has: tuple[str, ...] = ()
    """Words of the answer."""
    unsaid: bool = False
    """The caller didn't say."""


class Conversation(_Part):
    """One caller."""

    name: str
    injection: bool = False
    says: tuple[str, ...] = Field(min_length=1)
    when: Mapping[Literal["caller_name", "account_number", "offer", "problem"], Texts] = {}
    expected: Expected
    ask: tuple[Ask, ...] = ()


# What Agent A asks for, in whatever words; the first that matches its last question counts.
_CUES = {
    "account_number": r"\b(?:account|customer)\b.*\bnumber\b|\bwhole (?:account )?number\b",
    "caller_name": r"\byour (?:full |first |last )?name\b|who am i (?:speaking|talking)",
    "offer": r"\b(?:connect|transfer|put) you\b|is that (?:all right|alright|ok|okay|fine)",
    "problem": r"\b(?:how|what) can i (?:help|do)\b|what is it about|in a few words",
}


class Script:
    """Chooses the caller's next words from what Agent A said."""

    def __init__(self, conversation: Conversation) -> None:
        self._says = list(conversation.says)
        self._when = {kind: list(texts) for kind, texts in conversation.when.items()}

    def first(self) -> str:
        """What the caller opens with."""
        return self._says.pop(0)

    def answer(self, heard: str) -> str | None:
        """What the caller says to this, None if there is nothing left to say."""
        questions = [part for part in re.split(r"(?<=[.!?])\s+", heard) if part.endswith("?")]
        question = questions[-1] if questions else ""
        for kind, cue in _CUES.items():
            if kind in self._when and re.search(cue, question, re.IGNORECASE):
                texts = self._when[kind]
                return texts.pop(0) if len(texts) > 1 else texts[0]
        return self._says.pop(0) if self._says else None


def load_set(name: str, folder: Path = SETS_DIR) -> tuple[Conversation, ...]:
    """The conversations of `<name>.toml`, or of every file in the folder `<name>`; none if there is neither.

    Raises:
        SettingsError: a file is malformed, or two conversations have one name.
    """
    files = [folder / f"{name}.toml", *sorted((folder / name).glob("*.toml"))]
    found = [one for file in files if file.exists() for one in _conversations(file)]
    names = [one.name for one in found]
    if doubles := {one for one in names if names.count(one) > 1}:
        raise SettingsError(f"{folder / name}: names must be unique, these are not: {', '.join(sorted(doubles))}.")
    return tuple(found)


def _conversations(file: Path) -> list[Conversation]:
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("conversation", [])
        return [Conversation.model_validate(entry) for entry in entries]
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}.") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise SettingsError(f"{file}: conversation {error.title}, {where}: {fault['msg']}.") from error
