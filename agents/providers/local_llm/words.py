"""The model's tables: what callers mean and what it answers, from the TOML files beside this one."""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from warm_transfer.transfer.understanding.wording import matches, normalized

_HERE = Path(__file__).resolve().parent


@functools.cache
def _table(file: str) -> Mapping[str, Mapping[str, object]]:
    with (_HERE / file).open("rb") as opened:
        return tomllib.load(opened)


def means(text: str, *intents: str) -> bool:
    """Whether the text has one of the intents of `intents.toml`."""
    return any(matches(text, _patterns("intents", intent)) for intent in intents)


def rest_after(text: str, intent: str) -> str:
    """The normalized words of a text after the first match of an intent; all of them without one."""
    words = normalized(text)
    for pattern in _patterns("intents", intent):
        if found := re.search(rf"\b(?:{pattern})\b", words):
            return words[found.end() :].strip()
    return words


def topics_in(text: str) -> Iterator[str]:
    """The topics that a text names, in the order of `intents.toml`."""
    return (topic for topic in _table("intents.toml")["topics"] if matches(text, _patterns("topics", topic)))


def asks_about(text: str, title: str) -> bool:
    """Whether a text asks what an entry with that title answers ("Opening hours")."""
    key = normalized(title).replace(" ", "_")
    if key in _table("intents.toml")["questions"]:
        return matches(text, _patterns("questions", key))
    said = set(normalized(text).split())
    return set(normalized(title).split()) <= said


def line(part: str, key: str, **fields: str) -> str:
    """A line of `replies.toml` with its fields filled."""
    return str(_table("replies.toml")[part][key]).format(**fields)


def _patterns(table: str, key: str) -> tuple[str, ...]:
    found = _table("intents.toml")[table][key]
    return tuple(str(pattern) for pattern in found) if isinstance(found, list) else ()
