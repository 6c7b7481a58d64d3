"""Agent A: answers, collects what a specialist needs, offers, transfers on consent."""

from collections.abc import Callable, Sequence
from functools import partial

from agents.providers.local_llm.caller_state import CallerState, read_state, topic_of
from agents.providers.local_llm.conversation import Called, Conversation, Reply, Said
from agents.providers.local_llm.offers import offer_after, target_for
from agents.providers.local_llm.prompt_reading import Target
from agents.providers.local_llm.words import asks_about, line, means, rest_after
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.consent import agrees, asks_for_transfer, refuses
from warm_transfer.transfer.understanding.drafting import cleared, problem_clause, reported_reason
from warm_transfer.transfer.understanding.orders import is_foreign
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs, spaced
from warm_transfer.transfer.understanding.wording import matches, normalized, one_line

_Rule = Callable[[Conversation, CallerState], Reply | None]
_PART = "agent_a"
_LEAST_MESSAGE_WORDS = 3
_LEAST_PHONE_DIGITS = 7  # an account number has six


def answer(conversation: Conversation) -> Reply:
    """What Agent A says or calls next."""
    last = conversation.last
    if last is None or (isinstance(last, Said) and last.speaker == "model"):
        return _say("greeting")
    state = read_state(conversation)
    if isinstance(last, Called):
        return _after_tool(conversation, state, last)
    replies = (rule(conversation, state) for rule in _RULES)
    return next((reply for reply in replies if reply is not None), _say("unclear"))


def _after_tool(conversation: Conversation, state: CallerState, called: Called) -> Reply:
    if called.tool == "transfer_call" and not called.is_error:
        return Reply()
    if called.tool == "take_message":
        return _say("ask_message" if called.is_error else "noted_message")
    offer = offer_after(conversation.events, state.targets)
    target = target_for(offer.skill, state.targets) if offer else None
    # Of several with the skill the tool names who is there.
    target = next((one for one in state.targets if one.name in (called.output or "")), target)
    if called.is_error and matches(called.output or "", (r"say nothing",)):
        return Reply()
    if called.is_error and matches(called.output or "", (r"take a message",)):
        return _say("offer_message")
    if target is None or offer is None or (called.tool == "offer_transfer" and called.is_error):
        return _say("no_specialist")
    if called.tool == "transfer_call":
        return _after_refused_transfer(conversation, state, called, target, offer.skill)
    if _may_go_at_once(called.output or "", state.text):
        return conversation.use("transfer_call", line(_PART, "connecting"))
    return _with_read_back(state, _offer_line("offer", target))


def _after_refused_transfer(
    conversation: Conversation, state: CallerState, called: Called, target: Target, skill: str
) -> Reply:
    """The offer made anew where it is gone, else its question again."""
    if matches(called.output or "", (r"offer transfer",)):
        return _offer(conversation, state, skill)
    return _offer_line("offer_again", target)


def _may_go_at_once(output: str, text: str) -> bool:
    """Whether the result of offer_transfer says to transfer unasked; if silent, the caller's words decide."""
    if matches(output, (r"without asking", r"do not ask")):
        return True
    if matches(output, (r"ask(?:ing)?",)):
        return False
    return matches(output, (r"transfer call (?:now|at once)",)) or asks_for_transfer(text)


def _answer_to_offer(conversation: Conversation, state: CallerState) -> Reply | None:
    if state.open_offer is None:
        return None
    target = target_for(state.open_offer.skill, state.targets)
    if target is None:
        return None
    if "account_number" in state.new_facts:
        # A correction is often said with a "no", which closes the offer: it is made anew.
        return _offer(conversation, state, state.open_offer.skill)
    if refuses(state.text):
        return _after_refusal(state)
    if agrees(state.text) or asks_for_transfer(state.text):
        return conversation.use("transfer_call", line(_PART, "connecting"))
    return _before_an_answer(state, target)


def _after_refusal(state: CallerState) -> Reply | None:
    """None lets the other rules answer what came with the no."""
    if state.answer or asks_for_transfer(state.text) or means(state.text, "goodbye"):
        return None
    other = topic_of([state.text], state.targets, state.answers)
    if other and state.open_offer and other != state.open_offer.skill:
        return None
    return _say("offer_refused")


def _before_an_answer(state: CallerState, target: Target) -> Reply | None:
    """The offer again, after what the caller asked instead of answering."""
    if means(state.text, "goodbye"):
        return None
    again = _offer_line("offer_again", target)
    if state.answer:
        return Reply(text=f"{state.answer} {again.text}")
    if means(state.text, "how_long_offer"):
        return _offer_line("about_wait", target)
    if means(state.text, "who_is_it"):
        return _offer_line("about_target", target)
    return again


def _message(conversation: Conversation, state: CallerState) -> Reply | None:
    """A message or a callback: kept once it is said; asked for where only the wish was."""
    said = conversation.model_texts()
    was_asked = bool(said) and said[-1] == line(_PART, "ask_message")
    if was_asked and not refuses(state.text):
        return _keep_message(conversation, state.text)
    if said and said[-1] == line(_PART, "offer_message") and agrees(state.text):
        return _say("ask_message")
    if not means(state.text, "take_message"):
        return None
    is_said = len(rest_after(state.text, "take_message").split()) >= _LEAST_MESSAGE_WORDS
    return _keep_message(conversation, state.text) if is_said else _say("ask_message")


def _keep_message(conversation: Conversation, text: str) -> Reply:
    number = next((run.digits for run in digit_runs(text) if len(run.digits) >= _LEAST_PHONE_DIGITS), "")
    arguments = {"callback_number": number} if number else {}
    return conversation.use("take_message", line(_PART, "unclear"), message=one_line(text), **arguments)


def _goodbye(_: Conversation, state: CallerState) -> Reply | None:
    is_busy = state.answer or asks_for_transfer(state.text) or topic_of([state.text], state.targets, state.answers)
    return _say("goodbye") if means(state.text, "goodbye") and not is_busy else None


def _wanted_transfer(conversation: Conversation, state: CallerState) -> Reply | None:
    if means(state.text, "try_again") and state.offers:
        return _offer(conversation, state, state.offers[-1].skill)
    accepts_hint = agrees(state.text) and _last_line_was_hint(conversation)
    if accepts_hint and state.offers:
        return _offer(conversation, state, state.offers[-1].skill)
    if means(state.text, "no_machine"):
        return _offer(conversation, state, state.topic or "person")
    if not asks_for_transfer(state.text):
        return None
    named = next(
        (one.skills[0] for one in state.targets if normalized(one.name) in normalized(state.text).split()),
        None,
    )
    again = state.offers[-1].skill if state.offers and means(state.text, "after_all") else None
    return _offer(conversation, state, named or state.topic or again or "person")


def _last_line_was_hint(conversation: Conversation) -> bool:
    said = conversation.model_texts()
    return bool(said) and "connect me when you want" in said[-1]


def _about_itself(_: Conversation, state: CallerState) -> Reply | None:
    if means(state.text, "other_language") or is_foreign(state.text):
        return _say("english_only")
    if means(state.text, "other_service") and state.topic is None:
        return _say("cannot_do")
    return _say("i_am_ai") if means(state.text, "are_you_ai") else None


def _known_answer(conversation: Conversation, state: CallerState) -> Reply | None:
    if state.answer is None:
        return None
    rest = _problem(conversation, state) if state.topic else None
    return Reply(text=f"{state.answer} {rest.text if rest and rest.text else line(_PART, 'anything_else')}")


def _problem(conversation: Conversation, state: CallerState) -> Reply | None:
    if state.topic is None:
        return None
    target = target_for(state.topic, state.targets)
    if target is None:
        return None
    if state.was_refused(state.topic):
        return _offer_line("needs_specialist", target)
    match state.missing(target):
        case "caller_name":
            asked_before = state.ask_counts.get("caller_name", 0) > 0
            return _say("ask_name_again" if asked_before else "ask_name")
        case "account_number":
            return _ask_account(state)
    return _offer(conversation, state, state.topic)


def _ask_account(state: CallerState) -> Reply:
    heard = state.facts.get("account_number")
    if heard:
        return _say("ask_account_whole", digits=spaced(heard), expected=str(state.expected_digits))
    if state.ask_counts.get("account_number", 0):
        return _say("ask_account_again")
    name = state.new_facts.get("caller_name", "")
    return _say("ask_account", comma_name=f", {name.split()[0]}" if name else "")


def _given_fact(_: Conversation, state: CallerState) -> Reply | None:
    """A fact without a problem: thank for it and ask for the problem."""
    thanks = []
    if name := state.new_facts.get("caller_name"):
        thanks.append(line(_PART, "got_name", name=name.split()[0]))
    if number := state.new_facts.get("account_number"):
        thanks.append(line(_PART, "got_account", digits=spaced(number)))
    return Reply(text=" ".join([*thanks, line(_PART, "what_problem")])) if thanks else None


def _small_talk(conversation: Conversation, state: CallerState) -> Reply | None:
    said = conversation.model_texts()
    was_asked_more = bool(said) and said[-1].endswith((line(_PART, "anything_else"), line(_PART, "offer_refused")))
    thanks = means(state.text, "thanks")
    if means(state.text, "nothing_more") or (thanks and was_asked_more):
        return _say("goodbye")
    if thanks:
        return _say("anything_else")
    if means(state.text, "repeat") and said:
        return Reply(text=said[-1])
    if means(state.text, "greeting"):
        return _say("greeting")
    return _say("still_here") if agrees(state.text) else None


def _unclear(conversation: Conversation, _: CallerState) -> Reply | None:
    said = conversation.model_texts()
    return _say("unclear_again") if said and said[-1] == line(_PART, "unclear") else None


def _offer(conversation: Conversation, state: CallerState, skill: str) -> Reply:
    target = target_for(skill, state.targets)
    if target is None:
        return _say("no_specialist")
    return conversation.use(
        "offer_transfer",
        _offer_line("offer", target).text,
        skill=skill,
        reason=_reason(conversation, state, skill),
    )


def _reason(conversation: Conversation, state: CallerState, skill: str) -> str:
    turns = conversation.turns()
    told = _turns_since_offer(turns, state) or turns
    skip = partial(_is_no_problem, state=state)
    if clause := problem_clause(told, skip=skip) or problem_clause(turns, skip=skip):
        return cleared(reported_reason(clause), state.facts.get("caller_name"))
    return line(_PART, "reason_person") if skill == "person" else line(_PART, "reason_topic", topic=skill)


def _turns_since_offer(turns: Sequence[Turn], state: CallerState) -> Sequence[Turn]:
    """What was said since the last offer was closed: a caller who comes back has another problem."""
    if not state.offers:
        return turns
    heard = [number for number, turn in enumerate(turns) if turn.speaker == "caller"]
    return turns[heard[state.offers[-1].user_turns] :] if len(heard) > state.offers[-1].user_turns else ()


def _is_no_problem(clause: str, state: CallerState) -> bool:
    """Questions that Agent A answers itself, and talk about talking, are nothing to tell a specialist."""
    is_answered = any(asks_about(clause, title) for title in state.answers)
    return is_answered or means(clause, "are_you_ai", "other_language", "no_machine", "how_long_offer", "who_is_it")


def _with_read_back(state: CallerState, reply: Reply) -> Reply:
    """Digits that just came are read back, so that the caller can correct them."""
    number = state.new_facts.get("account_number")
    return Reply(text=f"{line(_PART, 'got_account', digits=spaced(number))} {reply.text}") if number else reply


def _offer_line(key: str, target: Target) -> Reply:
    return _say(key, specialist=target.name, title=target.title)


def _say(key: str, **fields: str) -> Reply:
    return Reply(text=line(_PART, key, **fields))


# The first rule that has an answer gives it.
_RULES: tuple[_Rule, ...] = (
    _answer_to_offer,
    _message,
    _goodbye,
    _wanted_transfer,
    _about_itself,
    _known_answer,
    _problem,
    _given_fact,
    _small_talk,
    _unclear,
)
