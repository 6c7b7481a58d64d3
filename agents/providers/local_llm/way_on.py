"""Agent B's ways out: back to Alex, or on to a colleague once the caller agrees."""

import re

from agents.providers.local_llm.conversation import Called, Conversation, Reply, Said
from agents.providers.local_llm.offers import target_for
from agents.providers.local_llm.prompt_reading import Target, targets
from agents.providers.local_llm.words import line, means, topics_in
from warm_transfer.transfer.understanding.consent import agrees, asks_for_transfer, refuses
from warm_transfer.transfer.understanding.drafting import cleared, problem_clause, reported_reason
from warm_transfer.transfer.understanding.facts import extract_facts
from warm_transfer.transfer.understanding.wording import normalized

_PART = "agent_b"


def answer(conversation: Conversation, text: str, *, is_own: bool) -> Reply | None:
    """The way that these words of the caller ask for, None for none; `is_own`: this specialist solves it."""
    if means(text, "go_back"):
        return conversation.use("hand_back", line(_PART, "cannot_connect"), reason=line(_PART, "reason_back"))
    if open_offer := _open_offer(conversation):
        if refuses(text):
            return Reply(text=line(_PART, "refused_on"))
        if agrees(text):
            return conversation.use("transfer_on", line(_PART, "cannot_connect"), **open_offer.arguments)
    if is_own and not asks_for_transfer(text):
        return None
    skill = _skill_in(text, targets(conversation.sections.get("colleagues", "")))
    if skill is None:
        return None
    reason = _reason(conversation, text, skill)
    return conversation.use("transfer_on", line(_PART, "cannot_connect"), skill=skill, reason=reason)


def after_refusal(conversation: Conversation, called: Called) -> Reply:
    """What the refused tool's result says to do: ask the caller, or go on alone."""
    target = target_for(called.arguments.get("skill", ""), targets(conversation.sections.get("colleagues", "")))
    if not called.is_error:
        return Reply()
    if target is None or "has not agreed" not in (called.output or ""):
        return Reply(text=line(_PART, "cannot_connect"))
    return Reply(text=line(_PART, "offer_on", specialist=target.name, title=target.title))


def _open_offer(conversation: Conversation) -> Called | None:
    """The refused call after which the caller was asked, if that question is the last thing that was said."""
    *before, _ = conversation.events or (None,)
    if len(before) < 2 or not isinstance(before[-1], Said) or before[-1].speaker != "model":
        return None
    called = before[-2]
    is_offer = isinstance(called, Called) and called.tool == "transfer_on" and called.is_error
    asked = line(_PART, "cannot_connect") != before[-1].text
    return called if is_offer and asked and isinstance(called, Called) else None


def _skill_in(text: str, colleagues: tuple[Target, ...]) -> str | None:
    """The skill of a colleague that a text names, by its topic, its own word or the colleague's name."""
    for topic in topics_in(text):
        if target_for(topic, colleagues):
            return topic
    words = normalized(text)
    for one in colleagues:
        for named in (*one.skills, normalized(one.name)):
            if re.search(rf"\b{re.escape(named)}\b", words) and (named != "person" or asks_for_transfer(text)):
                return named if named in one.skills else one.skills[0]
    return "person" if asks_for_transfer(text) and target_for("person", colleagues) else None


def _reason(conversation: Conversation, text: str, skill: str) -> str:
    turns = conversation.turns()
    name = next((fact.value for fact in extract_facts(turns) if fact.kind == "caller_name"), None)
    said = [turn for turn in turns if turn.speaker == "caller" and turn.text == text]
    clause = problem_clause(said)
    return cleared(reported_reason(clause), name) if clause else line(_PART, "reason_skill", skill=skill)
