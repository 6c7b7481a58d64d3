"""Which part the model plays: it follows from the tools of a request, without them from its instructions."""

from agents.providers.local_llm.agent_a import answer as answer_caller
from agents.providers.local_llm.agent_b import answer as answer_transferred_caller
from agents.providers.local_llm.consult import answer_question, decide
from agents.providers.local_llm.conversation import Conversation, Reply
from agents.providers.local_llm.on_hold import answer as answer_held_caller


def answer(conversation: Conversation) -> Reply:
    """The model's answer to a request."""
    tools, sections = conversation.tools, conversation.sections
    if tools & {"hand_back", "transfer_on"}:
        return answer_transferred_caller(conversation)
    if tools & {"offer_transfer", "transfer_call"} or "specialists" in sections:
        return answer_caller(conversation)
    if tools & {"how_long", "cancel_transfer", "leave_message"} or "while the caller waits" in sections:
        return answer_held_caller(conversation)
    if tools & {"ask_agent_a", "accept_transfer", "decline_transfer"} or "needs" in sections:
        return decide(conversation)
    if "transcript" in sections:
        return answer_question(conversation)
    return answer_transferred_caller(conversation)
