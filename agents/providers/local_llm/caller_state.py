"""What Agent A knows of a call: facts, the problem, what is missing, where the offers stand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.providers.local_llm.conversation import Conversation
from agents.providers.local_llm.offers import Offer, OfferState, offers_of, target_for
from agents.providers.local_llm.prompt_reading import Target, account_digits, knowledge, targets
from agents.providers.local_llm.words import asks_about, means, topics_in
from warm_transfer.transfer.understanding.facts import asked_kind, extract_facts
from warm_transfer.transfer.understanding.orders import is_order
from warm_transfer.transfer.understanding.wording import clauses, normalized

_MAX_ASKS = 2
"""A fact is asked for once and once more; a caller is not badgered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerState:
    """Read anew from each request."""

    text: str
    """The caller's newest words."""
    facts: Mapping[str, str]
    new_facts: Mapping[str, str]
    """Facts that came with the newest words."""
    targets: tuple[Target, ...]
    answers: Mapping[str, str]
    """Agent A's own knowledge by title."""
    topic: str | None
    """A skill of the roster that the caller's problem calls for and that was not offered since it came up."""
    offers: tuple[Offer, ...]
    ask_counts: Mapping[str, int]
    is_account_unavailable: bool
    expected_digits: int | None

    @property
    def open_offer(self) -> Offer | None:
        """The offer that the newest words may answer."""
        last = self.offers[-1] if self.offers else None
        return last if last and last.state in {OfferState.OPEN, OfferState.ACCEPTED} else None

    @property
    def answer(self) -> str | None:
        """The answer that Agent A has itself for what was just asked."""
        return next((answer for title, answer in self.answers.items() if asks_about(self.text, title)), None)

    def was_refused(self, skill: str) -> bool:
        """Whether the caller's last word on that skill was a no."""
        states = [offer.state for offer in self.offers if offer.skill == skill]
        return bool(states) and states[-1] is OfferState.REFUSED

    def missing(self, target: Target) -> str | None:
        """The next fact to ask for before a transfer to that target, None if it can be offered."""
        if "caller_name" not in self.facts and self.ask_counts.get("caller_name", 0) < _MAX_ASKS:
            return "caller_name"
        asked = self.ask_counts.get("account_number", 0)
        if "account_number" not in target.needs or self.is_account_unavailable or asked >= _MAX_ASKS:
            return None
        return None if self.is_account_whole else "account_number"

    @property
    def is_account_whole(self) -> bool:
        """Whether an account number of the right length is known."""
        number = self.facts.get("account_number", "")
        return bool(number) and self.expected_digits in {None, len(number)}


def read_state(conversation: Conversation) -> CallerState:
    """The state of a call whose newest event is the caller's or a tool's."""
    turns = conversation.turns()
    known = targets(conversation.sections.get("specialists", ""))
    answers = knowledge(conversation.sections.get("what you answer yourself", ""))
    texts = conversation.user_texts()
    facts = extract_facts(turns)
    last_id = next((turn.turn_id for turn in reversed(turns) if turn.speaker == "caller"), "")
    offers = offers_of(conversation.events, known)
    recent = texts[offers[-1].user_turns :] if offers else texts
    return CallerState(
        text=texts[-1] if texts else "",
        facts={fact.kind: fact.value for fact in facts},
        new_facts={fact.kind: fact.value for fact in facts if fact.turn_id == last_id},
        targets=known,
        answers=answers,
        topic=topic_of(recent, known, answers),
        offers=offers,
        ask_counts=_ask_counts(conversation.model_texts()),
        is_account_unavailable=_is_account_unavailable(conversation),
        expected_digits=account_digits(conversation.sections),
    )


def topic_of(texts: Sequence[str], known: Sequence[Target], answers: Mapping[str, str]) -> str | None:
    """The skill that the newest text with a topic calls for; what Agent A answers itself doesn't count."""
    for text in reversed(texts):
        parts = [clause for clause in clauses(text) if not any(asks_about(clause, title) for title in answers)]
        # Clause by clause: of two problems the one that is named first. All together, for a topic that a comma cuts.
        for part in (*parts, " ".join(parts)):
            if not is_order(part) and (skill := _skill_in(part, known)):
                return skill
    return None


def _skill_in(text: str, known: Sequence[Target]) -> str | None:
    named = [topic for topic in topics_in(text) if target_for(topic, known)]
    if named:
        return named[0]
    skills = (skill for target in known for skill in target.skills if skill not in {"person", "general"})
    return next((skill for skill in skills if re.search(rf"\b{re.escape(skill)}\b", normalized(text))), None)


def _ask_counts(model_texts: Sequence[str]) -> Mapping[str, int]:
    kinds = [asked_kind(text) for text in model_texts]
    return {kind: kinds.count(kind) for kind in kinds if kind}


def _is_account_unavailable(conversation: Conversation) -> bool:
    """Whether the caller said that they can't or won't give the number when asked, or on their own."""
    asked: str | None = None
    for turn in conversation.turns():
        if turn.speaker != "caller":
            asked = asked_kind(turn.text)
        elif means(turn.text, "unavailable_fact") and (
            asked == "account_number" or re.search(r"\b(?:account|number)\b", normalized(turn.text))
        ):
            return True
    return False
