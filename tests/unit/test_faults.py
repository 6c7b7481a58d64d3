"""The fault matrix judges by what is heard; its own judgement is tested with recordings that are known."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from agents import hold_music
from agents.providers import local_tts
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.conversation import Spoken
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.caller.ear import Utterance
from warm_transfer.stand.faults.evidence import Fault, Strike, UnmetError
from warm_transfer.stand.faults.faulty_call import FaultyCall, Killed
from warm_transfer.stand.faults.judge import Judged, judge, judge_strike
from warm_transfer.stand.faults.matrix import Cell, Kill
from warm_transfer.stand.faults.remembered import TELLS_WHO, asked_again, lost_facts, told_in
from warm_transfer.stand.faults.second_ear import SecondEar, says_among_more, says_one_of
from warm_transfer.stand.faults.typed_call import TypedCall
from warm_transfer.transfer.terms import State

SORRY = "Sorry, we were cut off for a moment. I am here again."
KILLED_AT_S = 2.0
STRUCK_AT = 1000.0


@pytest.fixture(scope="module")
def ear() -> SecondEar:
    return SecondEar()


def spoken_at(start_s: float, end_s: float) -> Spoken:
    return Spoken(speaker="agent", identity="agent_a-2", room="r", text="", start_s=start_s, end_s=end_s)


def killed(
    kill: Kill = Kill.AGENT_A, state: State = State.TALKING, at_s: float = KILLED_AT_S, asked_again: int = 0
) -> Killed:
    return Killed(cell=Cell(state=state, kill=kill), at_s=at_s, asked_again=asked_again, load=1.0)


def call(*utterances: tuple[float, Samples], is_done: bool = True, **changes: Any) -> FaultyCall:
    """A recording with these sounds at these places, in which Agent A's log says SORRY."""
    heard = np.zeros(12 * RATE_HZ, np.int16)
    for start_s, samples in utterances:
        begin = round(start_s * RATE_HZ)
        heard[begin : begin + len(samples)] = samples
    turn = {"speaker": "agent_a", "text": SORRY}
    logged = LoggedEvent(seq=1, event_id="e", call_id="c", call_seq=1, at=0.0, type="turn_spoken", payload=turn)
    parts: dict[str, Any] = {
        "kills": (killed(),),
        "spoken": tuple(spoken_at(start_s, start_s + len(one) / RATE_HZ) for start_s, one in utterances),
        "heard": heard,
        "said": np.zeros(0, np.int16),
        "events": (logged,),
        "is_done": is_done,
        "facts_lost": 0,
        "left_over": (),
    }
    return FaultyCall(**(parts | changes))


def only(judged: list[Judged]) -> Judged:
    (one,) = judged
    return one


def speech(text: str = SORRY) -> Samples:
    said = local_tts.synthesize(text, "ada")
    return np.repeat(said, RATE_HZ // local_tts.SAMPLE_RATE_HZ).astype(np.int16)


def music() -> Samples:
    return (hold_music.hold_loop()[: 8 * RATE_HZ] * 32767).astype(np.int16)


def test_voice_after_the_kill_is_found_and_timed(ear: SecondEar) -> None:
    judged = only(judge(call((3.0, speech())), ear))
    assert judged.holds
    assert judged.voice_again_s == pytest.approx(1.0)


def test_voice_counts_for_the_kill_before_it_alone(ear: SecondEar) -> None:
    kills = (killed(Kill.SERVER), killed(Kill.SERVER, State.MOVING, at_s=4.0))
    first, second = judge(call((6.0, speech()), kills=kills), ear)
    assert first.is_stranded
    assert not second.is_stranded
    assert second.voice_again_s == pytest.approx(2.0)


def test_silence_after_the_last_kill_does_not_spoil_the_first(ear: SecondEar) -> None:
    kills = (killed(Kill.SERVER), killed(Kill.SERVER, State.MOVING, at_s=9.0))
    first, second = judge(call((3.0, speech()), kills=kills), ear)
    assert first.holds
    assert second.is_stranded


def test_fact_that_is_asked_again_counts_for_the_kill_before_it(ear: SecondEar) -> None:
    kills = (killed(asked_again=1), killed(state=State.OFFERED, at_s=5.0, asked_again=2))
    first, second = judge(call((3.0, speech()), (6.0, speech()), kills=kills, facts_lost=2), ear)
    assert (first.facts_lost, second.facts_lost) == (1, 0)


def test_music_is_no_voice(ear: SecondEar) -> None:
    judged = only(judge(call((3.0, music())), ear))
    assert judged.voice_again_s is None
    assert judged.is_stranded


def test_what_was_sent_before_the_death_does_not_count(ear: SecondEar) -> None:
    sorry = speech()
    begin_s = KILLED_AT_S + 0.3 - len(sorry) / RATE_HZ
    assert only(judge(call((max(begin_s, 0.0), sorry[: round((KILLED_AT_S + 0.3) * RATE_HZ)])), ear)).is_stranded


def test_sentence_in_one_breath_with_what_was_said_before_the_death_counts(ear: SecondEar) -> None:
    before = speech("One moment please.")
    judged = only(judge(call((KILLED_AT_S - len(before) / RATE_HZ, np.concatenate([before, speech()]))), ear))
    assert judged.holds
    assert judged.voice_again_s == pytest.approx(0.4)


def test_words_that_no_agent_said_do_not_count(ear: SecondEar) -> None:
    assert only(judge(call((3.0, speech("Green bananas grow on every hill."))), ear)).is_stranded


def test_silence_strands_the_caller_whatever_died(ear: SecondEar) -> None:
    assert only(judge(call(kills=(killed(Kill.WATCHER),)), ear)).is_stranded


def test_caller_who_never_gets_to_the_end_is_stranded(ear: SecondEar) -> None:
    assert only(judge(call((3.0, speech()), is_done=False), ear)).is_stranded


@pytest.mark.parametrize("changes", [{"facts_lost": 1}, {"left_over": ("final-1",)}])
def test_lost_fact_and_left_room_fail_the_cell(changes: dict[str, Any], ear: SecondEar) -> None:
    assert not only(judge(call((3.0, speech()), **changes), ear)).holds


def test_what_was_badly_understood_is_still_the_phrase_it_was() -> None:
    phrase = (
        "The specialist dropped out of the call. You are back with me. "
        "I can take a message, or go on helping you. What would you like?"
    )
    as_recognized = (
        "especially strong candidate kang you and a company to take an ice age are going to be knew what would you like"
    )
    assert says_one_of(as_recognized, [phrase])
    assert not says_one_of(as_recognized, [SORRY])


def test_phrase_is_found_among_what_was_said_in_the_same_breath() -> None:
    back = "You are back. I am still here."
    greeted = "hello this is alex the answers to every side broadband how can i help you"
    assert says_among_more(f"you had that i am still here {greeted}", back)
    assert says_among_more(f"and i'm still here {greeted}", back)
    assert not says_among_more(greeted, back)
    assert says_among_more(f"sorry we were catherine on it rains here again {greeted}", SORRY)
    assert not says_among_more(greeted, SORRY)
    assert not says_one_of(greeted, [back])


def test_part_of_a_phrase_counts_but_one_word_does_not() -> None:
    assert says_one_of("sorry we were caught of", [SORRY])
    assert not says_one_of("sorry", [SORRY])
    assert not says_one_of("", [SORRY])


def struck(*utterances: tuple[float, Samples], **changes: Any) -> Strike:
    """A fault at KILLED_AT_S, after which SORRY should be heard within 5 s."""
    heard = [
        Utterance(room="r", identity="agent_a-1", start_s=start_s, end_s=start_s + len(one) / RATE_HZ, samples=one)
        for start_s, one in utterances
    ]
    parts: dict[str, Any] = {
        "fault": Fault(name="llm fails", state=State.TALKING),
        "at_s": KILLED_AT_S,
        "struck_at": STRUCK_AT,
        "load": 1.0,
        "texts": (SORRY,),
        "within_s": 5.0,
        "heard": tuple(heard),
    }
    return Strike(**(parts | changes))


def test_phrase_after_a_fault_is_found_and_timed(ear: SecondEar) -> None:
    judged = judge_strike(struck((1.0, speech()), (4.0, speech())), ear)
    assert judged.holds
    assert judged.voice_again_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("start_s", "text"),
    [(1.0, SORRY), (8.0, SORRY), (3.0, "Green bananas grow on every hill.")],
    ids=["before", "too late", "other words"],
)
def test_caller_who_does_not_hear_the_phrase_in_time_is_stranded(start_s: float, text: str, ear: SecondEar) -> None:
    assert judge_strike(struck((start_s, speech(text))), ear).is_stranded


def test_caller_who_hears_nothing_or_music_after_a_fault_is_stranded(ear: SecondEar) -> None:
    assert judge_strike(struck(), ear).is_stranded
    assert judge_strike(struck((3.0, music())), ear).is_stranded


def test_caller_who_hung_up_needs_to_hear_nobody(ear: SecondEar) -> None:
    assert judge_strike(struck(within_s=0.0), ear).holds


@pytest.mark.parametrize("changes", [{"failures": ["2 Agent As at once"]}, {"left_over": ("final-1",)}])
def test_what_the_rooms_and_the_log_tell_fails_the_fault(changes: dict[str, Any], ear: SecondEar) -> None:
    assert not judge_strike(struck((3.0, speech()), **changes), ear).holds


def test_fact_that_is_asked_for_again_after_a_fault_is_lost(ear: SecondEar) -> None:
    judged = judge_strike(struck((3.0, speech()), facts_lost=1), ear)
    assert judged.facts_lost == 1
    assert not judged.holds


def turn(text: str, at: float, speaker: str = "agent_a") -> LoggedEvent:
    payload = {"speaker": speaker, "text": text, "at": at}
    return LoggedEvent(seq=1, event_id="e", call_id="c", call_seq=1, at=at, type="turn_spoken", payload=payload)


@pytest.mark.parametrize(
    ("text", "speaker", "lost"),
    [
        ("Thank you. What is your account number?", "agent_a", 1),
        ("Hello Susan, may I have your account number?", "agent_b", 1),
        ("Could you tell me your name?", "agent_a", 1),
        ("What is it about?", "agent_a", 0),
        ("Your account number is 445566.", "agent_a", 0),
        ("What is your account number?", "caller", 0),
    ],
    ids=["account", "by agent B", "name", "never told", "said back", "the caller's own words"],
)
def test_what_the_caller_told_is_not_to_be_asked_for(text: str, speaker: str, lost: int) -> None:
    told = dict.fromkeys(told_in(TELLS_WHO), STRUCK_AT)
    assert set(told) == {"caller_name", "account_number"}
    assert len(asked_again([turn(text, STRUCK_AT + 5, speaker)], told)) == lost


def test_fact_that_agent_b_is_not_told_is_lost() -> None:
    told = dict.fromkeys(told_in(TELLS_WHO), STRUCK_AT)

    def briefed(*values: str) -> LoggedEvent:
        payload = {"briefing": {"caller_name": values[0], "facts": [{"value": one} for one in values[1:]]}}
        return replace(turn("", STRUCK_AT + 5), type="briefing_sent", payload=payload)

    assert lost_facts([briefed("Susan Clark", "445566")], told) == []
    assert len(lost_facts([briefed("Susan Clark")], told)) == 1
    assert len(lost_facts([briefed(""), turn("What is your account number?", STRUCK_AT + 9)], told)) == 3


def test_question_that_was_on_the_way_when_the_caller_told_it_is_not_asked_again() -> None:
    told = {"account_number": STRUCK_AT}
    asked = "What is your account number?"
    assert asked_again([turn(asked, STRUCK_AT - 1), turn(asked, STRUCK_AT + 0.5)], told) == []


def test_lost_fact_counts_for_the_fault_before_it() -> None:
    call = TypedCall(site=cast(Any, None), rooms=cast(Any, None), room="r", log=cast(Any, object()))
    call._told = {"account_number": STRUCK_AT - 60}
    call.strikes = [struck(struck_at=STRUCK_AT), struck(struck_at=STRUCK_AT + 20)]
    asked = "What is your account number?"
    call.count_lost_facts([turn(asked, STRUCK_AT - 10), turn(asked, STRUCK_AT + 5), turn(asked, STRUCK_AT + 30)])
    assert [strike.facts_lost for strike in call.strikes] == [1, 1]


def test_two_agents_who_speak_at_once_fail_the_cell(ear: SecondEar) -> None:
    sorry = speech()
    one, other = (spoken_at(3.0, 6.0), replace(spoken_at(4.0, 7.0), identity="agent_b_ben-1"))
    assert not only(judge(call((3.0, sorry), spoken=(one, other)), ear)).holds
    assert only(judge(call((3.0, sorry), spoken=(one, replace(other, start_s=5.8))), ear)).holds
    assert only(judge(call((3.0, sorry), spoken=(one, replace(other, identity=one.identity))), ear)).holds


def test_what_does_not_hold_is_noted_and_the_scene_goes_on() -> None:
    strike = struck()
    with strike.watched():
        raise UnmetError("no call_ended")
    with strike.watched():
        raise TimeoutError
    assert strike.failures == ["no call_ended", "waited in vain"]
