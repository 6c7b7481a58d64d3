"""What the rules take from the sections of their instructions: roster, knowledge, problems, briefing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from warm_transfer.transfer.understanding.wording import normalized

_ROSTER_LINE = re.compile(
    r"^- (?P<id>[\w-]+): (?P<name>[^,]+), (?P<title>[^;]+); skills: (?P<skills>[^;]+); needs: (?P<needs>.+)$",
    re.MULTILINE,
)
_KNOWLEDGE_LINE = re.compile(r"^- (?P<title>[^:\n]+): (?P<answer>.+)$", re.MULTILINE)
_PROBLEM_LINE = re.compile(r"^- (?P<problem>[^(\n>]+?)(?: \((?P<others>[^)]*)\))? -> (?P<solution>.+)$", re.MULTILINE)
_FACT_LINE = re.compile(r"^- (?P<kind>[a-z_]+): (?P<value>.+?) \(\w+\)$", re.MULTILINE)
_IDENTITY = re.compile(r"You are (?P<name>[\w'-]+), the (?P<title>[\w -]+?) of ")
_DIGITS = {"four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_COMMON_WORDS = """
the a an you your is are was were do does not my i it of to and for have want can in on this that
"""
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One line of the roster in Agent A's prompt."""

    name: str
    title: str
    skills: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One line of what a specialist can do."""

    problem: str
    """In the second person: "you were charged twice"."""
    others: tuple[str, ...]
    solution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefingText:
    """A briefing as `Briefing.as_text()` writes it."""

    caller_name: str | None
    reason: str
    asked: str
    facts: Mapping[str, str]
    answered: str
    """What was said in the consult after the briefing, as one text."""


def targets(section: str) -> tuple[Target, ...]:
    """The specialists of a roster section."""
    return tuple(
        Target(
            name=found["name"].strip(),
            title=found["title"].strip(),
            skills=tuple(skill.strip() for skill in found["skills"].split(",")),
            needs=tuple(need.strip() for need in found["needs"].split(",")),
        )
        for found in _ROSTER_LINE.finditer(section)
    )


def knowledge(section: str) -> Mapping[str, str]:
    """Answers by title."""
    return {found["title"].strip(): found["answer"].strip() for found in _KNOWLEDGE_LINE.finditer(section)}


def account_digits(instructions: Mapping[str, str]) -> int | None:
    """How many digits an account number has, as the instructions say; None if they don't."""
    for body in instructions.values():
        if found := re.search(r"account numbers? ha(?:s|ve) (\w+) digits", " ".join(body.lower().split())):
            return int(found[1]) if found[1].isdigit() else _DIGITS.get(found[1])
    return None


def identity(section: str) -> tuple[str, str]:
    """Name and title of who speaks."""
    found = _IDENTITY.search(" ".join(section.split()))
    return (found["name"], found["title"]) if found else ("your specialist", "specialist")


def problems(section: str) -> tuple[Problem, ...]:
    """What a specialist can do, in the order of the prompt."""
    return tuple(
        Problem(
            problem=found["problem"].strip(),
            others=tuple(other.strip() for other in (found["others"] or "").split(",") if other.strip()),
            solution=found["solution"].strip(),
        )
        for found in _PROBLEM_LINE.finditer(section)
    )


def best_problem(known: tuple[Problem, ...], *texts: str) -> Problem | None:
    """The problem that the first text which fits any of them is about."""
    for text in texts:
        ranked = sorted(((_fit(problem, text), -number) for number, problem in enumerate(known)), reverse=True)
        if ranked and ranked[0][0] > 0:
            return known[-ranked[0][1]]
    return None


def needs(section: str) -> tuple[str, ...]:
    """Fact kinds of a section: a list, or one line with commas."""
    kinds = re.findall(r"^- ([a-z_]+)\s*$", section, re.MULTILINE)
    if not kinds and section:
        kinds = [kind.strip() for kind in section.strip().splitlines()[-1].split(",")]
    return tuple(kind for kind in kinds if kind != "nothing" and re.fullmatch(r"[a-z_]+", kind))


def briefing_of(text: str) -> BriefingText:
    """The briefing in a text; parts that are missing are empty."""
    parts = re.split(r"^## (.+?)\s*$", text, flags=re.MULTILINE)
    bodies = {
        heading.split(" (")[0].lower(): body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    facts = {found["kind"]: found["value"] for found in _FACT_LINE.finditer(bodies.get("facts", ""))}
    return BriefingText(
        caller_name=facts.get("caller_name"),
        reason=bodies.get("reason", ""),
        asked=bodies.get("asked", "").strip('"'),
        facts=facts,
        answered=" ".join(
            (_FACT_LINE.sub("", bodies.get("facts", "")) + bodies.get("answered in the consult", "")).split()
        ),
    )


def _fit(problem: Problem, text: str) -> float:
    """How well a problem fits a text: 0 is not at all; whole phrases count more than single words."""
    words = normalized(text)
    stems = {_stem(word) for word in words.split()} - _COMMON
    phrases = sum(2.0 for other in problem.others if re.search(rf"\b{re.escape(normalized(other))}\b", words))
    own = {_stem(word) for word in normalized(problem.problem).split()} - _COMMON
    shared = len(own & stems) / max(len(own), 1)
    return phrases + (shared if shared >= 0.5 else 0.0)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "d", "e"):
        if len(word) - len(ending) >= 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word
