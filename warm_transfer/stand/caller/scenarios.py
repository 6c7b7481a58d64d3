"""What the synthetic caller says to what it hears: a script with cues; counts what it was asked twice."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from warm_transfer.transfer.errors import SettingsError

SCENARIOS_FILE = Path(__file__).with_name("scenarios.toml")

MAX_NUDGES = 2
"""A person who hears nothing asks whether somebody is there, but not for ever."""

Cue = Annotated[re.Pattern[str], BeforeValidator(lambda text: re.compile(text, re.IGNORECASE))]


class Line(BaseModel):
    """One thing that the caller can say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cue: Cue
    """Found in what was heard."""
    say: str
    gives: tuple[str, ...] = ()
    """Kinds of facts that it tells: "caller_name", "account_number", "problem"."""
    asks_for: str | None = None
    """The fact that the cue asks for: hearing the cue after that fact was given counts as asked again."""
    once: bool = True
    """Whether it is said once only; an answer to a question is given as often as it is asked."""
    ends_call: bool = False
    """Whether it is a goodbye, after which the caller waits for one and hangs up."""


class Scenario(BaseModel):
    """A scripted call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    voice: str
    """A local voice."""
    disposition: str
    """How the call is expected to end: a disposition of a transfer, "none" if nobody is transferred."""
    facts: Mapping[str, str]
    """What Agent B should know afterwards, by kind."""
    lines: tuple[Line, ...]
    """In order of precedence: the first whose cue is found is said."""


class ScriptedCaller:
    """Chooses the caller's words; hears texts, knows nothing of audio or time."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.asked_again = 0
        """How often the caller was asked for a fact that it had already given."""
        self.has_said_goodbye = False
        self.is_done = False
        """Whether the goodbye was answered: time to hang up."""
        self._given: set[str] = set()
        self._said: set[int] = set()
        self._nudges = 0

    def answer(self, heard: str) -> str | None:
        """The reply to what was heard, None to go on listening."""
        if self.has_said_goodbye:
            self.is_done = True
            return None
        self.asked_again += sum(self._is_asked_again(line, heard) for line in self.scenario.lines)
        for index, line in enumerate(self.scenario.lines):
            if line.cue.search(heard) and not (line.once and index in self._said):
                return self._say(index, line)
        return None

    def lose(self, text: str) -> None:
        """Take back what was said with these words, for nobody can have heard it: no wonder if it is asked for."""
        for line in self.scenario.lines:
            if line.say == text:
                self._given.difference_update(line.gives)

    def nudge(self) -> str | None:
        """What to say into a long silence, None when the caller has given up."""
        self._nudges += 1
        return "Hello? Are you still there?" if self._nudges <= MAX_NUDGES else None

    def _is_asked_again(self, line: Line, heard: str) -> bool:
        return line.asks_for in self._given and line.cue.search(heard) is not None

    def _say(self, index: int, line: Line) -> str:
        self._said.add(index)
        self._given.update(line.gives)
        self._nudges = 0
        self.has_said_goodbye = line.ends_call
        return line.say


def load_scenario(name: str, file: Path = SCENARIOS_FILE) -> Scenario:
    """The scripted call of that name; SettingsError names the choices if there is none."""
    with file.open("rb") as opened:
        scenarios = tomllib.load(opened)
    if name not in scenarios:
        raise SettingsError(f"SCENARIO={name} is not known: choose one of {', '.join(sorted(scenarios))}.")
    try:
        return Scenario.model_validate({"name": name, **scenarios[name]})
    except ValidationError as error:
        raise SettingsError(f"Scenario {name} in {file.name} is malformed: {error.errors()[0]['msg']}.") from error


def scenario_names(file: Path = SCENARIOS_FILE) -> tuple[str, ...]:
    """Every scripted call, sorted."""
    with file.open("rb") as opened:
        return tuple(sorted(tomllib.load(opened)))
