import pytest

from warm_transfer.transfer.briefing import Speaker, Turn
from warm_transfer.transfer.understanding.consent import agrees, caller_asked_for_transfer, has_consent, refuses


def call(*said: str) -> tuple[Turn, ...]:
    """Turns of a call; "A: " marks Agent A's."""

    def turn(number: int, text: str) -> Turn:
        speaker: Speaker = "agent_a" if text.startswith("A: ") else "caller"
        return Turn(turn_id=f"t{number}", speaker=speaker, text=text.removeprefix("A: "), at=float(number))

    return tuple(turn(number, text) for number, text in enumerate(said, start=1))


@pytest.mark.parametrize(
    "text",
    [
        *("yes please", "YES", "sure", "go ahead", "ok", "Okay.", "that would be great", "Yes, that's fine"),
        *(
            "yeah why not",
            "Yes, connect me.",
            "please do",
            "no problem, do it",
            "I don't mind",
            "Alright then.",
        ),
        *(
            "Yes, that would be fine. Thank you.",
            "sounds good to me",
            "of course",
            "yes, I can\u2019t wait",
            "uh yes",
        ),
    ],
)
def test_agreeing_words_are_consent(text: str) -> None:
    assert agrees(text)
    assert has_consent(call(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "no",
            "not now",
            "don't",
            "dont",
            "wait",
            "yes but not now",
            "no thank you",
            "stop",
            "yes... actually no",
        ),
        *(
            "I am not sure",
            "maybe later",
            "hold on",
            "Know, thank you.",
            "okay but first tell me the price of it, wait",
        ),
    ],
)
def test_refusing_or_delaying_words_are_no_consent(text: str) -> None:
    assert refuses(text)
    assert not has_consent(call(text))


@pytest.mark.parametrize(
    "text",
    [
        *("what?", "who is that", "Are you sure?", "okay and what are your opening hours"),
        *("Please tell me your opening hours", "my internet is slow", "", "445566"),
        *("Do that reset thing on my router first", "it is good that you ask, what does it cost?"),
    ],
)
def test_words_that_answer_nothing_are_no_consent(text: str) -> None:
    assert not refuses(text)
    assert not has_consent(call(text))


def test_silence_is_no_consent() -> None:
    assert not has_consent(())


def test_an_agents_yes_is_no_consent() -> None:
    assert not has_consent(call("A: Yes, sure, go ahead."))


def test_a_later_refusal_takes_consent_back() -> None:
    assert not has_consent(call("yes please", "A: One moment.", "no wait"))


def test_a_later_yes_counts_after_a_no() -> None:
    assert has_consent(call("no", "A: All right.", "okay yes, connect me"))


def test_a_yes_to_something_else_much_later_is_no_consent() -> None:
    assert not has_consent(call("Yes, that was Friday.", "My router is red.", "It has two lights."))


def test_a_question_after_the_yes_leaves_it_standing() -> None:
    assert has_consent(call("yes", "how many people work there"))


@pytest.mark.parametrize(
    "text",
    [
        *("I want to talk to a person", "connect me to billing", "can I speak to a human", "I WANT A PERSON"),
        *("i want a person please", "human please", "get me a supervisor", "operator", "no I want a person"),
        *("Could you put me through to someone in technical support?", "Let me talk to a real person."),
        *("I'd like to speak with someone about my bill", "Is there a real person I can talk to?"),
        *("can you transfer me to the billing department", "I need a human", "why can't I talk to a human"),
    ],
)
def test_asking_for_a_person_or_department_is_asking_for_a_transfer(text: str) -> None:
    assert caller_asked_for_transfer(call("A: How can I help you?", text))


@pytest.mark.parametrize(
    "text",
    [
        *("I don't want to talk to a person", "do not connect me to billing", "I was charged twice", "yes"),
        *("I talked to a person yesterday", "I need to talk to you about my bill", "don't transfer me"),
        "I have a person here who has slow internet",
        *("I need support with my router.", "Can I get support for my slow internet?"),
        *("I want to talk to my wife first.", "I need people to stop calling me."),
    ],
)
def test_other_words_do_not_ask_for_a_transfer(text: str) -> None:
    assert not caller_asked_for_transfer(call(text))


def test_an_answer_after_the_request_leaves_it_standing() -> None:
    assert caller_asked_for_transfer(call("I want a person", "A: May I have your name?", "Maria Lopez"))


def test_a_no_after_the_request_takes_it_back() -> None:
    assert not caller_asked_for_transfer(call("I want a person", "A: Right now?", "no"))


def test_a_request_long_ago_does_not_count() -> None:
    assert not caller_asked_for_transfer(call("I want a person", "when do you open", "where are you", "thanks"))


def test_an_agents_words_do_not_ask_for_a_transfer() -> None:
    assert not caller_asked_for_transfer(call("A: Do you want to talk to a person?", "hm"))
