"""What Agent B is told of a call before taking it over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from warm_transfer.transfer.understanding.spoken_numbers import spaced
from warm_transfer.transfer.understanding.wording import normalized, one_line, shortened

Speaker = Literal["caller", "agent_a", "agent_b"]

Standing = Literal["claimed", "verified"]
"""What a fact rests on: the caller's word, or a check that code made. Nothing that is said changes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One finished utterance of a call, as transcribed (caller) or as spoken (agents)."""

    turn_id: str
    """Unique within the call: epoch of the job that heard it, and its number there: "t1_3"."""
    speaker: Speaker
    text: str
    at: float
    """End of the utterance, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something the caller said that Agent B should not have to ask for again."""

    kind: str
    """Snake case: "caller_name", "account_number", ..."""
    value: str
    """As a person would write it: "Maria Lopez", "445566"."""
    turn_id: str
    """The turn it came from."""
    standing: Standing = "claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which turn a statement of a briefing comes from."""

    text: str
    turn_id: str


MOODS = ("angry", "upset", "worried", "in a hurry", "friendly")
"""What Agent B may be told of how the caller is; nothing of a caller who is none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """Who calls, why, what was tried, what is asked, and the facts, each with its turn."""

    caller_name: str | None
    reason: str
    """Why the caller is transferred: one sentence without a name or number."""
    tried: tuple[str, ...]
    """What was already tried, in the caller's words."""
    asked: str
    """What the caller wants done, in the caller's words."""
    facts: tuple[Fact, ...]
    earlier: tuple[str, ...] = ()
    """What the transfers of this call before were about, oldest first: one sentence each."""
    also: tuple[str, ...] = ()
    """What else the caller told, another problem for example, in the caller's words."""
    promises: tuple[str, ...] = ()
    """What the caller says they were promised, in the caller's words."""
    mood: str = ""
    """One of MOODS, or empty."""
    sources: tuple[Source, ...] = ()
    """The turn of each statement of `asked`, `tried`, `also` and `promises`."""

    def fact(self, kind: str) -> Fact | None:
        """The fact of that kind, None if the caller did not give it."""
        return next((fact for fact in self.facts if fact.kind == kind), None)

    def spoken(self) -> str:
        """At most 38 words, about 15 s of speech; digits are spaced so that they are read one by one."""
        account = self.fact("account_number")
        who = self.caller_name or "A caller who gave no name"
        sentences = [f"{who}, account {spaced(account.value)}" if account else who]
        if self.reason:
            sentences.append(self.reason)
        if self.asked and not _repeats(self.asked, self.reason):
            sentences.append(f"They ask: {self.asked}")
        sentences.extend(f"Already tried: {tried}" for tried in self.tried[:1])
        sentences.extend(f"They were promised: {promise}" for promise in self.promises[:1])
        sentences.extend(f"Also: {one}" for one in self.also[:1])
        return _spoken_within(sentences, words=_SPOKEN_WORDS)

    def explanation(self, specialist: str) -> str:
        """What Agent A can tell the caller about what that specialist is told."""
        told = [_CALLERS_WORDS.get(fact.kind, f"the {fact.kind.replace('_', ' ')}") for fact in self.facts]
        told += ["what you have tried"] if self.tried else []
        told += ["what you were promised"] if self.promises else []
        parts = list(dict.fromkeys([*told, "what your call is about"]))
        listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
        return f"I tell {specialist} {listed}. Nothing of it is checked yet, and no more than that is passed on."

    def with_sources_of_its_own(self) -> "Briefing":
        """The same briefing, without the sources of statements that it does not have."""
        has = {self.asked, *self.tried, *self.also, *self.promises}
        return replace(self, sources=tuple(source for source in self.sources if source.text in has))

    def as_text(self, answers: Sequence[tuple[str, str]] = ()) -> str:
        """The briefing for a prompt, in sections; `answers`: (question, answer) pairs of the consult."""
        lines = ["## Caller", self.caller_name or "The caller did not say their name."]
        lines += ["## Reason", self.reason or "Not said."]
        lines += ["## Asked (the caller's words)", f'"{one_line(self.asked)}"' if self.asked else "Not said."]
        lines += ["## Already tried (the caller's words)"]
        lines += [f'- "{one_line(tried)}"' for tried in self.tried] or ["Nothing was mentioned."]
        for heading, statements in (("Promised", self.promises), ("Also told", self.also)):
            if statements:
                lines += [f"## {heading} (the caller's words)", *(f'- "{one_line(one)}"' for one in statements)]
        if self.mood:
            lines += ["## Mood", f"The caller seems {one_line(self.mood)}."]
        if self.earlier:
            lines += [
                "## Earlier in this call, with other specialists",
                *(f"- {one_line(told)}" for told in self.earlier),
            ]
        lines += ["## Facts"]
        lines += [f"- {fact.kind}: {one_line(fact.value)} ({fact.turn_id})" for fact in self.facts] or ["None."]
        if answers:
            lines += ["## Answered in the consult"]
            lines += [f"- {one_line(question)} {one_line(answer)}" for question, answer in answers]
        return "\n".join(lines)


_SPOKEN_WORDS = 38
_CALLERS_WORDS = {"caller_name": "your name", "account_number": "your account number", "phone_number": "your number"}
# Words of which a request may repeat that much of the reason before it is left out of the spoken form.
_REPEATED_SHARE = 0.6


def _repeats(asked: str, reason: str) -> bool:
    words = set(normalized(asked).split())
    return len(words & set(normalized(reason).split())) >= _REPEATED_SHARE * len(words)


def _spoken_within(sentences: Sequence[str], *, words: int) -> str:
    """The sentences in order as far as they fit; one that is cut keeps at least four words."""
    spoken: list[str] = []
    left = words
    for sentence in sentences:
        fitting = shortened(_digits_apart(one_line(sentence)).rstrip(" .!?"), words=left)
        if not spoken or len(fitting.split()) == len(sentence.split()) or len(fitting.split()) >= 4:
            spoken.append(f"{fitting[:1].upper()}{fitting[1:]}.")
            left -= len(fitting.split())
    return " ".join(spoken)


def _digits_apart(text: str) -> str:
    """Long digit runs one by one; short ones ("20 dollars") stay numbers."""
    return re.sub(r"\d{4,}", lambda found: spaced(found.group()), text)
