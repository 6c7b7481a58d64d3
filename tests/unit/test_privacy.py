import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_consent import call
from warm_transfer.transfer.understanding.privacy import PRIVATE_KINDS, masked, masked_turns

ALL_BUT_ACCOUNT = PRIVATE_KINDS - {"account_number", "phone_number"}


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("my card is 4111 1111 1111 1111", "1111"),
        ("four one one one one one one one one one one one one one one one", "one one"),
        ("the card number is 4242", "4242"),
        ("and the code is 123", "123"),
        ("the cvv is nine eight seven", "nine"),
        ("my pin is 4821", "4821"),
        ("my password is hunter2", "hunter2"),
        ("social security 123-45-6789", "6789"),
        ("my social is one two three four five six seven eight nine", "seven"),
        ("passport number X1234567", "X1234567"),
        ("iban DE89 3704 0044 0532 0130 00", "3704"),
        ("my bank account is 12345678", "12345678"),
        ("I was born on the third of May 1980", "1980"),
        ("date of birth 04/05/1980", "1980"),
        ("write to maria@example.org", "maria"),
        ("maria dot lopez at mail dot com", "lopez"),
        ("I live at 27 Maple Avenue", "Maple"),
        ("twenty seven Maple Avenue, top floor", "Maple"),
        ("I have diabetes", "diabetes"),
        ("my wife is pregnant", "pregnant"),
    ],
)
def test_private_words_are_named_and_not_told(said: str, gone: str) -> None:
    assert gone not in masked(said, PRIVATE_KINDS)
    assert "[" in masked(said, PRIVATE_KINDS)


@pytest.mark.parametrize(
    "said",
    [
        "my account number is 445566",
        "my account is four four five five six six and I was charged twice, twenty dollars",
        "my card was charged twice for account 902107",
        "I forgot my password and it is not working",
        "my password is not accepted",
        "the internet has been down since the third of May",
        "I rebooted it 3 times",
        "invoice 20931 from March",
        "my address is wrong on the bill",
    ],
)
def test_what_the_matter_needs_stays(said: str) -> None:
    assert masked(said, ALL_BUT_ACCOUNT) == said


def test_only_the_kinds_of_the_policy_are_masked() -> None:
    said = "I have diabetes and live at 27 Maple Avenue"
    assert masked(said, {"address"}) == "I have diabetes and [address]"


def test_bare_number_is_known_by_the_question_before_it() -> None:
    turns = call("A: Which card is it?", "4242", "and then 1881", "A: What is your account number?", "902107")
    assert [turn.text for turn in masked_turns(turns, ALL_BUT_ACCOUNT)][1] == "[card number]"
    assert [turn.text for turn in masked_turns(turns, ALL_BUT_ACCOUNT)][2] == "and then [card number]"
    assert [turn.text for turn in masked_turns(turns, ALL_BUT_ACCOUNT)][4] == "902107"


def test_account_number_is_masked_where_a_policy_says_so() -> None:
    assert masked("my account number is 445566", PRIVATE_KINDS) == "my account number is [account number]"


@given(st.text(alphabet="ab1 -@.4", max_size=200))
def test_masking_twice_is_masking_once_and_never_raises(text: str) -> None:
    once = masked(text, PRIVATE_KINDS)
    assert "[" in once or once == text
