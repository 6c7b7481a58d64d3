"""Who has no buttons takes a call by one word, and by no sentence that has it in passing."""

import pytest

from warm_transfer.transfer.understanding.target_words import declines_call, takes_call


@pytest.mark.parametrize(
    "text",
    ["Connect.", "connect", "Yes, connect.", "Okay, connect me please", "connect the caller", "Please connect now!"],
)
def test_connect_takes_the_call(text: str) -> None:
    assert takes_call(text)
    assert not declines_call(text)


@pytest.mark.parametrize("text", ["No.", "Decline", "no thanks", "I will decline the call", "Not now, sorry."])
def test_plain_no_declines(text: str) -> None:
    assert declines_call(text)
    assert not takes_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "Say connect to take the call, or decline.",
        "Don't connect yet",
        "Can they connect to the internet?",
        "What happens when I connect?",
        "They can't connect",
        "no connection since when",
        "yes",
        "",
        "hold on",
    ],
)
def test_everything_else_decides_nothing(text: str) -> None:
    assert not takes_call(text)
    assert not declines_call(text)
