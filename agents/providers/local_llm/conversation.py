"""A chat request as the rules read it: sections of the instructions, what was said and called."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from livekit.agents import llm

from warm_transfer.transfer.briefing import Turn

_HEADING = re.compile(r"^# (.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message; `speaker` "model" is the part that the model plays."""

    speaker: Literal["user", "model"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One tool call with its result, None while there is none."""

    tool: str
    arguments: Mapping[str, str]
    output: str | None
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A tool call to make."""

    tool: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model answers: words, a tool call, both or nothing."""

    text: str = ""
    call: ToolUse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One request to the model."""

    sections: Mapping[str, str]
    """Bodies of the instructions by heading, lower case; of two with one heading the first."""
    events: tuple[Said | Called, ...]
    """In the order of the chat context."""
    tools: frozenset[str]
    """All tools of the request, also when it forbids calling them."""
    may_call: bool

    @property
    def last(self) -> Said | Called | None:
        """The newest event."""
        return self.events[-1] if self.events else None

    def turns(self) -> tuple[Turn, ...]:
        """What was said, the user as caller and the model as Agent A."""
        said = [event for event in self.events if isinstance(event, Said)]
        return tuple(
            Turn(
                turn_id=f"t{number}",
                speaker="caller" if one.speaker == "user" else "agent_a",
                text=one.text,
                at=0.0,
            )
            for number, one in enumerate(said, start=1)
        )

    def user_texts(self) -> tuple[str, ...]:
        """The user's messages in order."""
        return tuple(event.text for event in self.events if isinstance(event, Said) and event.speaker == "user")

    def model_texts(self) -> tuple[str, ...]:
        """The model's own messages in order."""
        return tuple(event.text for event in self.events if isinstance(event, Said) and event.speaker == "model")

    def calls(self, tool: str) -> tuple[Called, ...]:
        """The calls of one tool in order."""
        return tuple(event for event in self.events if isinstance(event, Called) and event.tool == tool)

    def use(self, tool: str, otherwise: str = "", /, **arguments: str) -> Reply:
        """A call of a tool, or the text `otherwise` where the request does not allow it."""
        if self.may_call and tool in self.tools:
            return Reply(call=ToolUse(tool=tool, arguments=arguments))
        return Reply(text=otherwise)


def read_request(chat_ctx: llm.ChatContext, tools: Sequence[llm.Tool], *, may_call: bool) -> Conversation:
    """The conversation of a chat context and its tools."""
    instructions = [
        message.text_content or "" for message in chat_ctx.messages() if message.role in {"system", "developer"}
    ]
    return Conversation(
        sections=_sections("\n".join(instructions)),
        events=tuple(_events(chat_ctx)),
        tools=frozenset(llm.ToolContext(tools).function_tools),
        may_call=may_call,
    )


def _events(chat_ctx: llm.ChatContext) -> list[Said | Called]:
    outputs = {item.call_id: item for item in chat_ctx.items if item.type == "function_call_output"}
    # A call is an event where its result came, so that the newest event is what the model has to answer.
    calls = {item.call_id: item for item in chat_ctx.items if item.type == "function_call"}
    events: list[Said | Called] = []
    for item in chat_ctx.items:
        if item.type == "message" and item.role in {"user", "assistant"} and item.text_content:
            events.append(Said(speaker="user" if item.role == "user" else "model", text=item.text_content))
        elif item.type == "function_call_output":
            events.append(_called(calls.get(item.call_id), item))
        elif item.type == "function_call" and item.call_id not in outputs:
            events.append(_called(item, None))
    return events


def _called(call: llm.FunctionCall | None, output: llm.FunctionCallOutput | None) -> Called:
    return Called(
        tool=call.name if call else output.name if output else "",
        arguments=_arguments(call.arguments if call else ""),
        output=output.output if output else None,
        is_error=bool(output and output.is_error),
    )


def _arguments(encoded: str) -> Mapping[str, str]:
    try:
        decoded = json.loads(encoded or "{}")
    except json.JSONDecodeError:
        return {}
    return {str(key): str(value) for key, value in decoded.items()} if isinstance(decoded, dict) else {}


def _sections(instructions: str) -> Mapping[str, str]:
    pieces = _HEADING.split(instructions)
    sections: dict[str, str] = {}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        sections.setdefault(heading.lower(), body.strip())
    return sections
