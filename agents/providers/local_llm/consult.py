"""The consult: Agent B decides with tools, Agent A answers from the transcript."""

import re
from collections.abc import Sequence

from agents.providers.local_llm.agent_b import first_line
from agents.providers.local_llm.conversation import Called, Conversation, Reply
from agents.providers.local_llm.prompt_reading import briefing_of, needs
from agents.providers.local_llm.words import line
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.drafting import draft_briefing, problem_clause
from warm_transfer.transfer.understanding.facts import asked_kind, extract_facts
from warm_transfer.transfer.understanding.spoken_numbers import spaced
from warm_transfer.transfer.understanding.transcript import turns_of
from warm_transfer.transfer.understanding.wording import clauses, matches, normalized

_PART = "consult"
_TRIED = (r"tried", r"try", r"already", r"done so far", r"attempt\w*")
_PROBLEM = (
    r"problem",
    r"reason",
    r"why",
    r"what happened",
    r"what is (?:it|this|the call) about",
    r"want",
    r"need",
)
_OTHER_KINDS = (
    ("amount", (r"how much", r"amount", r"dollars")),
    ("date", (r"when", r"since", r"date", r"which day")),
)
_COMMON_WORDS = """
the a an is are was were did does do has have had caller callers what which who when where how why of to for
in on at it its they their them he she his her with and or any not say said tell us me you your i my that
this
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def decide(conversation: Conversation) -> Reply:
    """Agent B asks for each missing need once, then accepts."""
    if isinstance(conversation.last, Called) and conversation.last.tool in {
        "accept_transfer",
        "decline_transfer",
    }:
        return Reply()
    texts = conversation.user_texts()
    briefings = [text for text in texts if "## " in text]
    facts = briefing_of(briefings[-1]).facts if briefings else {}
    first_facts = briefing_of(briefings[0]).facts if briefings else {}
    missing = [kind for kind in needs(conversation.sections.get("needs", "")) if kind not in first_facts]
    asked = max(len(conversation.calls("ask_agent_a")), len(texts) - max(len(briefings), 1))
    to_ask = [kind for kind in missing[asked:] if kind not in facts]
    if to_ask:
        return conversation.use("ask_agent_a", question=line(_PART, "ask", kind=_spoken(to_ask[0])))
    return conversation.use("accept_transfer", first_words=_first_words(conversation, texts))


def _first_words(conversation: Conversation, texts: Sequence[str]) -> str:
    sections = conversation.sections
    return first_line("\n\n".join(texts), specialty=sections.get("specialty", ""), who=sections.get("identity", ""))


def answer_question(conversation: Conversation) -> Reply:
    """Agent A's answer, from the transcript or not at all."""
    turns = turns_of(conversation.sections.get("transcript", ""))
    texts = conversation.user_texts()
    return Reply(text=_answer(texts[-1] if texts else "", turns) or line(_PART, "not_said"))


def _answer(question: str, turns: tuple[Turn, ...]) -> str | None:
    facts = {fact.kind: fact.value for fact in extract_facts(turns)}
    if kind := asked_kind(f"{question.strip().rstrip('?')}?"):
        return _fact_line(kind, facts[kind]) if kind in facts else None
    if matches(question, _TRIED):
        tried = draft_briefing(turns, reason="").tried
        return line(_PART, "quote", clause=tried[0]) if tried else None
    for kind, words in _OTHER_KINDS:
        if matches(question, words) and kind in facts:
            return _fact_line(kind, facts[kind])
    if clause := _closest(question, turns):
        return line(_PART, "quote", clause=clause)
    problem = problem_clause(turns) if matches(question, _PROBLEM) else None
    return line(_PART, "quote", clause=problem) if problem else None


def _closest(question: str, turns: tuple[Turn, ...]) -> str | None:
    """The caller's clause that shares most content words with the question: two, or all that it has.

    One with a withheld word, as in [card number], is no answer.
    """
    asked = set(normalized(question).split()) - _COMMON
    told = [clause for turn in turns if turn.speaker == "caller" for clause in clauses(turn.text) if "[" not in clause]
    ranked = [(len(asked & set(normalized(clause).split())), -place, clause) for place, clause in enumerate(told)]
    shared, _, best = max(ranked, default=(0, 0, ""))
    return best if asked and shared >= min(2, len(asked)) else None


def _fact_line(kind: str, value: str) -> str:
    return line(_PART, "fact", kind=_spoken(kind), value=re.sub(r"\d{4,}", lambda found: spaced(found.group()), value))


def _spoken(kind: str) -> str:
    return "name" if kind == "caller_name" else kind.replace("_", " ")
