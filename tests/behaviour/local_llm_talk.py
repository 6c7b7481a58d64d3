"""Talks to the local model as a session does: same prompts, tools and chat context, without a session."""

from collections.abc import Callable

from livekit.agents import llm
from livekit.agents.llm import function_tool

from agents.prompts import load_phrases, load_prompt
from agents.providers.local_llm import LocalLLM
from agents.roster import Specialist, load_roster
from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.understanding.consent import caller_asked_for_transfer, has_consent
from warm_transfer.transfer.understanding.transcript import transcript_text

_MAX_TOOL_ROUNDS = 4


@function_tool
async def offer_transfer(skill: str, reason: str) -> None:
    """Offer."""


@function_tool
async def transfer_call() -> None:
    """Transfer."""


@function_tool
async def take_message(message: str, callback_number: str = "") -> None:
    """Take a message."""


@function_tool
async def how_long() -> None:
    """Say how long."""


@function_tool
async def cancel_transfer() -> None:
    """Cancel."""


@function_tool
async def leave_message(message: str) -> None:
    """Leave a message."""


@function_tool
async def ask_agent_a(question: str) -> None:
    """Ask."""


@function_tool
async def accept_transfer() -> None:
    """Accept."""


@function_tool
async def decline_transfer(reason: str) -> None:
    """Decline."""


@function_tool
async def hand_back(reason: str) -> None:
    """Hand back."""


@function_tool
async def transfer_on(skill: str, reason: str) -> None:
    """Transfer on."""


Result = tuple[str, bool]
"""A tool's output and whether it is an error."""


class Talk:
    """One chat context and what the model did in it."""

    def __init__(
        self,
        instructions: str,
        tools: list[llm.Tool],
        result: Callable[[llm.FunctionToolCall, "Talk"], Result] = lambda *_: ("ok", False),
    ) -> None:
        self.tools = tools
        self.ctx = llm.ChatContext.empty()
        self.ctx.add_message(role="system", content=instructions)
        self.calls: list[llm.FunctionToolCall] = []
        self._result = result

    async def say(self, *lines: str) -> str:
        """The model's last words after the user's lines, tools run as they are called."""
        spoken = ""
        for said in lines:
            self.ctx.add_message(role="user", content=said)
            spoken = await self.answer()
        return spoken

    async def answer(self) -> str:
        """The model's words to the context as it is."""
        spoken: list[str] = []
        for _ in range(_MAX_TOOL_ROUNDS):
            response = await self.once()
            if response.text:
                spoken.append(response.text)
                self.ctx.add_message(role="assistant", content=response.text)
            if not response.tool_calls:
                return " ".join(spoken)
            self._run(response.tool_calls)
        raise RuntimeError("The model calls tools without end.")

    async def once(self, tool_choice: llm.ToolChoice = "auto") -> llm.CollectedResponse:
        """One request."""
        async with LocalLLM() as model:
            return await model.chat(chat_ctx=self.ctx, tools=self.tools, tool_choice=tool_choice).collect()

    @property
    def called(self) -> list[str]:
        """Names of the tools that were called."""
        return [call.name for call in self.calls]

    def turns(self) -> list[Turn]:
        """What was said, as Agent A's session keeps it."""
        said = [message for message in self.ctx.messages() if message.role in {"user", "assistant"}]
        return [
            Turn(
                turn_id=f"t{number}",
                speaker="caller" if message.role == "user" else "agent_a",
                text=message.text_content or "",
                at=0.0,
            )
            for number, message in enumerate(said, start=1)
        ]

    def _run(self, calls: list[llm.FunctionToolCall]) -> None:
        for call in calls:
            self.calls.append(call)
            output, is_error = self._result(call, self)
            self.ctx.items.append(llm.FunctionCall(call_id=call.call_id, name=call.name, arguments=call.arguments))
            self.ctx.items.append(
                llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output=output, is_error=is_error)
            )


def agent_a_talk() -> Talk:
    """Agent A with the caller, its greeting said, its tools bound by the consent rules."""
    offered_at: list[int] = []

    def result(call: llm.FunctionToolCall, talk: Talk) -> Result:
        turns = talk.turns()
        if call.name == "take_message":
            return "The message is kept.", False
        if call.name == "offer_transfer":
            offered_at.append(len(turns))
            if caller_asked_for_transfer(turns):
                return "The caller asked for the transfer: call transfer_call now, without asking.", False
            return "Ask the caller for consent in one question that names the specialist.", False
        may_transfer = offered_at and (
            has_consent(turns[offered_at[-1] :]) or caller_asked_for_transfer(turns[: offered_at[-1]])
        )
        return ("Done.", False) if may_transfer else ("No consent yet: ask the caller.", True)

    instructions = load_prompt("agent_a", roster=load_roster().as_text())
    talk = Talk(instructions, [offer_transfer, transfer_call, take_message], result)
    talk.ctx.add_message(role="assistant", content=load_phrases()["greeting"])
    return talk


def on_hold_talk() -> Talk:
    """A held caller."""

    def result(call: llm.FunctionToolCall, _: Talk) -> Result:
        return ("You have been waiting 12 seconds." if call.name == "how_long" else ""), False

    return Talk(load_prompt("on_hold"), [how_long, cancel_transfer, leave_message], result)


def consult_talk(specialist_id: str, answer: str = "The caller didn't say.") -> Talk:
    """Agent B in the consult; Agent A answers each question with `answer`."""
    one = specialist(specialist_id)
    instructions = load_prompt(
        "agent_b_consult",
        name=one.name,
        title=one.title,
        needs="\n".join(f"- {kind}" for kind in one.needs) or "- nothing",
        specialist=load_prompt(one.prompt),
    )
    tools: list[llm.Tool] = [ask_agent_a, accept_transfer, decline_transfer]
    return Talk(instructions, tools, lambda call, _: (answer if call.name == "ask_agent_a" else "ok", False))


def question_talk(turns: list[Turn]) -> Talk:
    """Agent A answering in the consult."""
    return Talk(load_prompt("agent_a_consult", transcript=transcript_text(turns)), [])


def agent_b_talk(specialist_id: str, briefing: str) -> Talk:
    """Agent B with the caller; `briefing` as `Briefing.as_text()` gives it."""
    one = specialist(specialist_id)

    def result(call: llm.FunctionToolCall, talk: Talk) -> Result:
        turns = talk.turns()
        agreed = caller_asked_for_transfer(turns) or has_consent(turns[-1:])
        return ("ok", False) if call.name == "hand_back" or agreed else ("The caller has not agreed. Ask.", True)

    return Talk(
        load_prompt(
            "agent_b",
            name=one.name,
            title=one.title,
            specialist=load_prompt(one.prompt),
            colleagues=load_roster().without(one.id).as_text(),
            briefing=briefing,
        ),
        [hand_back, transfer_on],
        result,
    )


def specialist(specialist_id: str) -> Specialist:
    """A specialist of the shipped roster."""
    found = load_roster().get(specialist_id)
    if found is None:
        raise LookupError(specialist_id)
    return found


def no_facts() -> Briefing:
    """A briefing of a caller who gave nothing but a problem."""
    return Briefing(caller_name=None, reason="The caller says their bill is too high.", tried=(), asked="", facts=())
