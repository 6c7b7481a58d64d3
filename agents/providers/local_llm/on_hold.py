"""What a held caller talks to: how long, cancel, leave a message; nothing else moves anything."""

import re
from itertools import takewhile

from agents.providers.local_llm.conversation import Called, Conversation, Reply, Said
from agents.providers.local_llm.words import line, means, rest_after
from warm_transfer.transfer.understanding.wording import one_line

_PART = "on_hold"
_MIN_MESSAGE_WORDS = 2
_TO_THE_MODEL = re.compile(r"^(?:please )?(?:tell|say to) the caller(?: that)?:?\s*", re.IGNORECASE)


def answer(conversation: Conversation) -> Reply:
    """What the held caller hears, or the one tool that they asked for."""
    last = conversation.last
    if isinstance(last, Called):
        return _after_tool(last)
    if last is None or last.speaker == "model":
        return _say("waiting")
    return _to_caller(conversation, last)


def _to_caller(conversation: Conversation, last: Said) -> Reply:
    if means(last.text, "cancel") and not means(last.text, "keep_waiting"):
        return conversation.use("cancel_transfer", line(_PART, "waiting"))
    if line(_PART, "ask_message") in _said_since_last_turn(conversation):
        return _message(conversation, last.text)
    if means(last.text, "leave_message"):
        enough = len(rest_after(last.text, "leave_message").split()) >= _MIN_MESSAGE_WORDS
        return _message(conversation, last.text) if enough else _say("ask_message")
    if means(last.text, "how_long"):
        return conversation.use("how_long", line(_PART, "waiting"))
    return _say("thanks" if means(last.text, "thanks") else "waiting")


def _said_since_last_turn(conversation: Conversation) -> list[str]:
    """What the caller answers to: the model's own words and, after them, an update on the hold."""
    said = [event for event in conversation.events[:-1] if isinstance(event, Said)]
    since = takewhile(lambda one: one.speaker == "model", reversed(said))
    return [one.text for one in since]


def _message(conversation: Conversation, text: str) -> Reply:
    return conversation.use("leave_message", line(_PART, "cannot_say"), message=one_line(text))


def _after_tool(called: Called) -> Reply:
    if called.is_error:
        return _say("cannot_say")
    if called.output and (spoken := _speakable(called.output)):
        return Reply(text=spoken)
    return _say("noted") if called.tool == "leave_message" else Reply()


def _speakable(output: str) -> str:
    """A tool's result as said to the caller."""
    plain = _TO_THE_MODEL.sub("", one_line(output)).strip(" '")
    if plain.lower() in {"", "none", "null", "ok", "true"}:
        return ""
    for pattern, other in (
        (r"\bthe caller's\b", "your"),
        (r"\bthe caller has\b", "you have"),
        (r"\bthe caller is\b", "you are"),
        (r"\bthe caller\b", "you"),
    ):
        plain = re.sub(pattern, other, plain, flags=re.IGNORECASE)
    return f"{plain[:1].upper()}{plain[1:]}"


def _say(key: str) -> Reply:
    return Reply(text=line(_PART, key))
