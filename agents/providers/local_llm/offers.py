"""Where the offers of a call stand, read from what was said and called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from agents.providers.local_llm.conversation import Called, Said
from agents.providers.local_llm.prompt_reading import Target
from warm_transfer.transfer.understanding.consent import agrees, refuses

# What a caller said to these on hold is no new problem for Agent A.
_HOLD_TOOLS = {"how_long", "cancel_transfer", "leave_message"}
_OFFER_WORDS = re.compile(r"\b(?:connect|transfer|put) you\b.*\?", re.IGNORECASE)


class OfferState(Enum):
    """What became of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    TRANSFERRED = "transferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offered transfer."""

    skill: str
    state: OfferState
    user_turns: int
    """User messages before the offer (or before it was closed), to tell what came after."""


def offers_of(events: Sequence[Said | Called], targets: Sequence[Target]) -> tuple[Offer, ...]:
    """The offers before the newest event, oldest first; also those whose tool calls are gone."""
    offers: list[Offer] = []
    user_turns = 0
    for event in events[:-1]:
        if isinstance(event, Said) and event.speaker == "user":
            user_turns += 1
        _apply(offers, event, user_turns, targets)
    return tuple(offers)


def offer_after(events: Sequence[Said | Called], targets: Sequence[Target]) -> Offer | None:
    """The latest offer, the newest event included."""
    offers = offers_of((*events, Said(speaker="model", text="")), targets)
    return offers[-1] if offers else None


def target_for(skill: str, targets: Sequence[Target]) -> Target | None:
    """Who has a skill."""
    return next((target for target in targets if skill in target.skills), None)


def _apply(offers: list[Offer], event: Said | Called, user_turns: int, targets: Sequence[Target]) -> None:
    current = offers[-1] if offers else None
    is_open = current is not None and current.state in {OfferState.OPEN, OfferState.ACCEPTED}
    if isinstance(event, Called):
        if event.tool == "offer_transfer" and not event.is_error:
            skill = event.arguments.get("skill", "")
            offers.append(Offer(skill=skill, state=OfferState.OPEN, user_turns=user_turns))
        elif event.tool == "transfer_call" and current is not None:
            state = OfferState.OPEN if event.is_error else OfferState.TRANSFERRED
            offers[-1] = replace(current, state=state, user_turns=user_turns)
        elif event.tool in _HOLD_TOOLS and current is not None:
            offers[-1] = replace(current, user_turns=user_turns)
    elif event.speaker == "model" and not is_open:
        if skill := _skill_offered(event.text, targets):
            offers.append(Offer(skill=skill, state=OfferState.OPEN, user_turns=user_turns))
    elif event.speaker == "model" and current is not None and current.state is OfferState.ACCEPTED:
        # Something else was said after the yes: the transfer was tried, its call is no longer in the context.
        if not _skill_offered(event.text, targets):
            offers[-1] = replace(current, state=OfferState.TRANSFERRED, user_turns=user_turns)
    elif event.speaker == "user" and current is not None and is_open:
        if refuses(event.text):
            offers[-1] = replace(current, state=OfferState.REFUSED, user_turns=user_turns)
        elif agrees(event.text):
            offers[-1] = replace(current, state=OfferState.ACCEPTED, user_turns=user_turns)


def _skill_offered(text: str, targets: Sequence[Target]) -> str:
    if not _OFFER_WORDS.search(text):
        return ""
    return next((target.skills[0] for target in targets if re.search(rf"\b{re.escape(target.name)}\b", text)), "")
