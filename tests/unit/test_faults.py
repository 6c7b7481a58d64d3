"""The fault matrix judges by what is heard; its own judgement is tested with recordings that are known."""

from typing import Any

import numpy as np
import pytest

from agents import hold_music
from agents.providers import local_tts
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.conversation import Spoken
from warm_transfer.stand.caller.downlink import RATE_HZ, Samples
from warm_transfer.stand.faults.faulty_call import FaultyCall
from warm_transfer.stand.faults.judge import Judged, judge
from warm_transfer.stand.faults.matrix import Cell, Kill, cells
from warm_transfer.stand.faults.second_ear import SecondEar, says_one_of
from warm_transfer.transfer.terms import State

SORRY = "Sorry, we were cut off for a moment. I am here again."
KILLED_AT_S = 2.0


@pytest.fixture(scope="module")
def ear() -> SecondEar:
    return SecondEar()


def spoken_at(start_s: float, end_s: float) -> Spoken:
    return Spoken(speaker="agent", identity="agent_a-2", room="r", text="", start_s=start_s, end_s=end_s)


def call(*utterances: tuple[float, Samples], is_done: bool = True, **changes: Any) -> FaultyCall:
    """A recording with these sounds at these places, in which Agent A's log says SORRY."""
    heard = np.zeros(12 * RATE_HZ, np.int16)
    for start_s, samples in utterances:
        begin = round(start_s * RATE_HZ)
        heard[begin : begin + len(samples)] = samples
    turn = {"speaker": "agent_a", "text": SORRY}
    logged = LoggedEvent(seq=1, event_id="e", call_id="c", call_seq=1, at=0.0, type="turn_spoken", payload=turn)
    parts: dict[str, Any] = {
        "kills": ((Cell(state=State.TALKING, kill=Kill.AGENT_A), KILLED_AT_S),),
        "spoken": tuple(spoken_at(start_s, start_s + len(one) / RATE_HZ) for start_s, one in utterances),
        "heard": heard,
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


def test_every_state_has_a_kill_and_no_cell_is_there_twice() -> None:
    assert {cell.state for cell in cells()} == set(State)
    assert {cell.kill for cell in cells()} == set(Kill)
    assert len(cells()) == len(set(cells()))


def test_voice_after_the_kill_is_found_and_timed(ear: SecondEar) -> None:
    judged = only(judge(call((3.0, speech())), ear))
    assert judged.holds
    assert judged.voice_again_s == pytest.approx(1.0)


def test_each_kill_of_a_call_is_judged_by_what_came_after_it(ear: SecondEar) -> None:
    kills = tuple(
        (Cell(state=state, kill=Kill.SERVER), at_s) for state, at_s in ((State.TALKING, 2.0), (State.MOVING, 9.0))
    )
    first, second = judge(call((3.0, speech()), kills=kills, facts_lost=1), ear)
    assert (first.is_stranded, first.facts_lost) == (False, 1)
    assert (second.is_stranded, second.facts_lost) == (True, 0)


def test_music_is_no_voice(ear: SecondEar) -> None:
    judged = only(judge(call((3.0, music())), ear))
    assert judged.voice_again_s is None
    assert judged.is_stranded


def test_what_was_sent_before_the_death_does_not_count(ear: SecondEar) -> None:
    assert only(judge(call((KILLED_AT_S + 0.1, speech())), ear)).is_stranded


def test_words_that_no_agent_said_do_not_count(ear: SecondEar) -> None:
    assert only(judge(call((3.0, speech("Green bananas grow on every hill."))), ear)).is_stranded


def test_silence_strands_the_caller_whatever_died(ear: SecondEar) -> None:
    assert only(judge(call(kills=((Cell(state=State.TALKING, kill=Kill.WATCHER), KILLED_AT_S),)), ear)).is_stranded


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


def test_part_of_a_phrase_counts_but_one_word_does_not() -> None:
    assert says_one_of("sorry we were caught of", [SORRY])
    assert not says_one_of("sorry", [SORRY])
    assert not says_one_of("", [SORRY])
