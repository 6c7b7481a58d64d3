"""Agent B with the caller: knows the briefing, solves, never asks for what it holds."""

import re

from agents.providers.local_llm import way_on
from agents.providers.local_llm.conversation import Called, Conversation, Reply
from agents.providers.local_llm.prompt_reading import (
    BriefingText,
    Problem,
    best_problem,
    briefing_of,
    identity,
    problems,
)
from agents.providers.local_llm.words import line, means
from warm_transfer.transfer.understanding.consent import agrees
from warm_transfer.transfer.understanding.facts import extract_facts
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs, spaced

_PART = "agent_b"
_MIN_ACCOUNT_DIGITS = 4
_REPORTED = re.compile(r"^the caller says (?:that )?(.+)$", re.IGNORECASE)
_SECOND_PERSON = (
    (r"\bthey were\b", "you were"),
    (r"\bthey\b", "you"),
    (r"\btheirs\b", "yours"),
    (r"\btheir\b", "your"),
    (r"\bthem\b", "you"),
)


def answer(conversation: Conversation) -> Reply:
    """The first line from the briefing; later lines from the specialty and the briefing."""
    sections = conversation.sections
    if not conversation.model_texts() and not isinstance(conversation.last, Called):
        return Reply(
            text=first_line(
                sections.get("briefing", ""), specialty=sections.get("specialty", ""), who=sections.get("identity", "")
            )
        )
    briefing = briefing_of(sections.get("briefing", ""))
    known = problems(sections.get("specialty", ""))
    topic = best_problem(known, briefing.reason, briefing.asked)
    texts = conversation.user_texts()
    if isinstance(conversation.last, Called):
        return way_on.after_refusal(conversation, conversation.last)
    if not texts:
        return _say("anything_else")
    return _to_caller(conversation, texts[-1], briefing, known, topic)


def first_line(told: str, *, specialty: str, who: str) -> str:
    """What Agent B says first, who was told this in the consult; the sections of its instructions say who it is."""
    briefing = briefing_of(told)
    specialist, title = identity(who)
    topic = best_problem(problems(specialty), briefing.reason, briefing.asked)
    greeting = (
        line(_PART, "first_name", name=briefing.caller_name.split()[0], specialist=specialist, title=title)
        if briefing.caller_name
        else line(_PART, "first", specialist=specialist, title=title)
    )
    problem = topic.problem if topic else _told_back(briefing.reason)
    knows = line(_PART, "knows", problem=problem) if problem else line(_PART, "knows_request")
    account = _account(briefing)
    with_account = line(_PART, "knows_account", digits=spaced(account)) if account else ""
    solution = topic.solution if topic else line(_PART, "next_step")
    told = f"{greeting} {knows}{with_account}{line(_PART, 'knows_end')}"
    return f"{told} {solution} {line(_PART, 'anything_else')}"


def _to_caller(
    conversation: Conversation,
    text: str,
    briefing: BriefingText,
    known: tuple[Problem, ...],
    topic: Problem | None,
) -> Reply:
    specialist, title = identity(conversation.sections.get("identity", ""))
    other = best_problem(known, text)
    if onward := way_on.answer(conversation, text, is_own=other is not None):
        return onward
    if means(text, "ask_account"):
        account = _account(briefing)
        return _say("account", digits=spaced(account)) if account else _say("no_account")
    if means(text, "goodbye", "nothing_more"):
        return _say("goodbye")
    if means(text, "ask_who"):
        return _say("who", specialist=specialist, title=title)
    if means(text, "other_language"):
        return _say("english_only")
    if other and other != topic:
        return Reply(text=f"{other.solution} {line(_PART, 'anything_else')}")
    if topic and (means(text, "ask_when", "repeat") or other == topic):
        return Reply(text=f"{topic.solution} {line(_PART, 'anything_else')}")
    return _small_talk(conversation, text)


def _small_talk(conversation: Conversation, text: str) -> Reply:
    last = conversation.model_texts()[-1]
    was_asked_more = last.endswith(line(_PART, "anything_else"))
    given = {fact.kind: fact.value for fact in extract_facts(conversation.turns())}
    if digit_runs(text) and "account_number" in given:
        return _say("got_account", digits=spaced(given["account_number"]))
    if means(text, "thanks"):
        return _say("goodbye" if was_asked_more else "anything_else")
    if agrees(text):
        return _say("what_else" if was_asked_more else "anything_else")
    return _say("unclear")


def _account(briefing: BriefingText) -> str | None:
    """The account number of the facts, else the one that Agent A gave in the consult."""
    if number := briefing.facts.get("account_number"):
        return number
    _, found, after = briefing.answered.lower().partition("account number")
    runs = [run.digits for run in digit_runs(after) if len(run.digits) >= _MIN_ACCOUNT_DIGITS] if found else []
    return runs[0] if runs else None


def _told_back(reason: str) -> str | None:
    """What the caller reported, said to them: "their TV is black" gives "your TV is black"."""
    found = _REPORTED.match(reason.strip(" ."))
    if found is None:
        return None
    told = found.group(1)
    for pattern, other in _SECOND_PERSON:
        told = re.sub(pattern, other, told, flags=re.IGNORECASE)
    return told


def _say(key: str, **fields: str) -> Reply:
    return Reply(text=line(_PART, key, **fields))
