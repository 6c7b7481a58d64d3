"""What Agent B is told of a call before taking it over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
        return _spoken_within(sentences, words=_SPOKEN_WORDS)

    def as_text(self, answers: Sequence[tuple[str, str]] = ()) -> str:
        """The briefing for a prompt, in sections; `answers`: (question, answer) pairs of the consult."""
        lines = ["## Caller", self.caller_name or "The caller did not say their name."]
        lines += ["## Reason", self.reason or "Not said."]
        lines += ["## Asked (the caller's words)", f'"{one_line(self.asked)}"' if self.asked else "Not said."]
        lines += ["## Already tried (the caller's words)"]
        lines += [f'- "{one_line(tried)}"' for tried in self.tried] or ["Nothing was mentioned."]
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
