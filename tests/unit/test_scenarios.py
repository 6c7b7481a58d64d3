import pytest

from warm_transfer.stand.caller.scenarios import MAX_NUDGES, ScriptedCaller, load_scenario, scenario_names
from warm_transfer.transfer.errors import SettingsError

GREETING = "Hello, this is Alex, the AI assistant of Lakeside Broadband. How can I help you?"
ASK_ACCOUNT = "Thank you, Susan Clark. What is your account number?"
OFFER = "I would like to connect you to Ben, our billing specialist. Is that all right?"
HOLD = "One moment please, I am connecting you."
TAKEN_OVER = (
    "Hello Susan Clark, this is Ben, your billing specialist. I know that you were charged twice, "
    "and I have your account number, nine zero two one zero seven."
)
ANYTHING_ELSE = "Is there anything else I can do for you?"
GOODBYE = "You are welcome. Thank you for calling, and goodbye."


def caller(name: str) -> ScriptedCaller:
    return ScriptedCaller(load_scenario(name))


def replies(script: ScriptedCaller, *heard: str) -> list[str | None]:
    return [script.answer(text) for text in heard]


def test_billing_call_goes_from_the_greeting_to_the_goodbye() -> None:
    script = caller("billing")
    assert replies(script, GREETING, ASK_ACCOUNT, OFFER, HOLD, TAKEN_OVER, ANYTHING_ELSE, GOODBYE) == [
        "Hi, my name is Susan Clark. I was charged twice on my last bill.",
        "My account number is nine zero two one zero seven.",
        "Yes, please.",
        None,
        None,
        "Thank you, that is all. Goodbye.",
        None,
    ]
    assert script.is_done
    assert script.asked_again == 0


def test_question_for_a_fact_that_was_given_counts_as_asked_again_and_is_answered() -> None:
    script = caller("billing")
    replies(script, GREETING, ASK_ACCOUNT)
    assert script.answer("Sorry, what is your account number?") == (
        "My account number is nine zero two one zero seven."
    )
    assert script.asked_again == 1


def test_one_utterance_that_asks_for_two_given_facts_counts_twice() -> None:
    script = caller("billing")
    replies(script, GREETING, ASK_ACCOUNT)
    script.answer("Hello. May I have your name? And what is your account number?")
    assert script.asked_again == 2


def test_first_question_for_a_fact_does_not_count() -> None:
    script = caller("billing")
    replies(script, GREETING, ASK_ACCOUNT)
    assert script.asked_again == 0


@pytest.mark.parametrize("heard", [TAKEN_OVER, HOLD, "Your account number is 902107.", "I have your account number."])
def test_statement_that_holds_a_fact_is_no_question_for_it(heard: str) -> None:
    script = caller("billing")
    replies(script, GREETING, ASK_ACCOUNT)
    assert script.answer(heard) is None
    assert script.asked_again == 0


def test_problem_asked_for_by_agent_b_counts_as_asked_again() -> None:
    script = caller("billing")
    replies(script, GREETING, ASK_ACCOUNT, OFFER)
    script.answer("Hello, this is Ben. How can I help you?")
    assert script.asked_again == 1


def test_question_for_the_account_wins_over_an_offer_in_the_same_breath() -> None:
    script = caller("billing")
    assert script.answer(f"{OFFER} And what is your account number?") == (
        "My account number is nine zero two one zero seven."
    )


def test_goodbye_is_said_once_and_the_answer_to_it_ends_the_call() -> None:
    script = caller("none")
    assert script.answer(ANYTHING_ELSE) == "No, thank you. Goodbye."
    assert script.has_said_goodbye
    assert not script.is_done
    assert script.answer(GOODBYE) is None
    assert script.is_done


def test_caller_without_need_of_a_transfer_refuses_one() -> None:
    assert caller("none").answer(OFFER) == "No, thank you."


def test_caller_who_wants_a_person_says_so_and_has_no_account_number() -> None:
    script = caller("person")
    assert script.answer(GREETING) == "I want to talk to a person."
    assert script.answer(ASK_ACCOUNT) == "I do not have it at hand."


def test_failed_transfer_ends_the_call_politely() -> None:
    script = caller("technical")
    script.answer("Nobody answered there. I am still here. How would you like to go on?")
    assert script.has_said_goodbye


def test_caller_asks_into_a_silence_and_gives_up_in_the_end() -> None:
    script = caller("billing")
    nudges = [script.nudge() for _ in range(MAX_NUDGES + 1)]
    assert nudges[:-1] == ["Hello? Are you still there?"] * MAX_NUDGES
    assert nudges[-1] is None


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_answers_the_greeting_and_can_say_goodbye(name: str) -> None:
    script = caller(name)
    assert script.answer(GREETING)
    script.answer(ANYTHING_ELSE)
    assert script.has_said_goodbye


def test_the_scenarios_that_the_demo_names_exist() -> None:
    assert set(scenario_names()) >= {"billing", "technical", "person", "none"}


def test_unknown_scenario_names_the_setting_and_the_choices() -> None:
    with pytest.raises(SettingsError, match=r"^SCENARIO=pizza is not known: choose one of billing, none, "):
        load_scenario("pizza")
