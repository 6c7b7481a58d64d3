"""What a person asks in the consult is told from what they only say."""

import pytest

from warm_transfer.transfer.understanding.questions import is_question


@pytest.mark.parametrize(
    "text",
    [
        "what is the account number",
        "Okay, and since when do they have the problem",
        "did they try to restart it",
        "thank you. how much was it",
        "Their name again?",
    ],
)
def test_question_is_heard(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["", "okay", "I will take it", "thank you alex", "sounds good to me", "one moment"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_question(text)
