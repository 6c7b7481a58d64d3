"""What the API takes: pydantic models; nothing unknown is let through."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _plain(text: str) -> str:
    """The text without what can't be shown or could reorder what is shown around it."""
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") for character in text):
        raise ValueError("must be plain text on one line")
    return text


def _words(text: str) -> str:
    """The text as given, if a log can keep it; line breaks may stay."""
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in text):
        raise ValueError("must be plain text")
    return text


_Text = StringConstraints(strip_whitespace=True, min_length=1)
DisplayName = Annotated[str, _Text, StringConstraints(max_length=60), AfterValidator(_plain)]
Skill = Annotated[str, _Text, StringConstraints(max_length=100, to_lower=True), AfterValidator(_plain)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_words)]
NoteText = Annotated[str, _Text, StringConstraints(max_length=2000), AfterValidator(_words)]


class Asked(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewCall(Asked):
    """Who calls."""

    caller_identity: DisplayName | None = Field(
        default=None, description="A display name; the LiveKit identity is the server's.", examples=["test_caller"]
    )


class TransferAsked(Asked):
    """Whom the caller needs."""

    skill: Skill = Field(description="One of the roster's skills.", examples=["billing"])
    reason: Reason = Field(default="", description="For Agent B.", examples=["Wants a refund."])


class ReasonGiven(Asked):
    """Why."""

    reason: Reason = Field(default="", examples=["In another meeting."])


class NoteGiven(Asked):
    """What Agent B notes on the call."""

    note: NoteText = Field(examples=["Refund of 20 dollars promised."])


class LastWords(Asked):
    """What Agent B notes while it finishes something, if anything."""

    note: NoteText | None = Field(default=None, examples=["Refund of 20 dollars promised."])


class ExplanationAsked(Asked):
    """For whom the transfer is to be explained."""

    audience: Literal["caller", "agent_b"] = Field(default="caller", alias="for")


class PresenceGiven(Asked):
    """Whether a person takes calls."""

    presence: Literal["available", "away", "busy"]


class KeyGiven(Asked):
    """The API key that a page swaps for its cookie."""

    key: str = Field(min_length=1, max_length=200)


class PhoneCall(Asked):
    """Whom to call by phone."""

    to: str = Field(min_length=3, max_length=30, description="With + and country code.", examples=["+15105550100"])
    caller_identity: DisplayName | None = None
