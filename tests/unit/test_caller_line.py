"""When a held caller is told that the transfer is under way: never into anybody's words. In virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession

from agents.caller_line import SessionCallerLine
from agents.phrase_book import PhraseBook
from warm_transfer.stand.soak.virtual_loop import VirtualLoop

LONG_S = 10.0
PHRASE_S = 3.0


class FakeSession:
    """A session in which nobody speaks unless the test says so."""

    def __init__(self) -> None:
        self.user_state = "listening"
        self.agent_state = "listening"
        self.current_speech: object = None
        self.is_swapping = False
        self.interrupted = 0
        self._handlers: dict[str, Callable[[object], None]] = {}

    def on(self, event: str, handler: Callable[[object], None]) -> None:
        self._handlers[event] = handler

    def changes(self, **states: object) -> None:
        for name, value in states.items():
            setattr(self, name, value)
        self._handlers["user_state_changed"](None)

    def interrupt(self) -> None:
        self.interrupted += 1


class FakeBook:
    """Takes down the phrases; each takes its time."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, session: FakeSession, key: str) -> Coroutine[Any, Any, None] | asyncio.Future[None]:
        if session.is_swapping:
            raise RuntimeError("AgentSession has no activity")
        self.said.append(key)
        return asyncio.ensure_future(asyncio.sleep(PHRASE_S))


class Held:
    def __init__(self, *, has_keys: bool = False) -> None:
        self.session = FakeSession()
        self.book = FakeBook()
        self.line = SessionCallerLine(
            session=cast("AgentSession[None]", self.session),
            room=rtc.Room(),
            caller_identity="caller-1",
            book=cast("PhraseBook", self.book),
            return_agent=lambda _: pytest.fail("nobody is taken back here"),
            part_timeout_s=1.0,
            has_keys=has_keys,
        )


def in_virtual_time(test: Callable[[Held], Coroutine[Any, Any, None]], *, has_keys: bool = False) -> list[str]:
    """What was said."""

    async def run() -> list[str]:
        held = Held(has_keys=has_keys)
        await asyncio.sleep(LONG_S)
        await test(held)
        return held.book.said

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def test_update_is_said_when_nobody_speaks() -> None:
    async def test(held: Held) -> None:
        await held.line.tell_waiting()

    assert in_virtual_time(test) == ["waiting"]


@pytest.mark.parametrize(
    "states",
    [
        {"user_state": "speaking"},
        {"agent_state": "speaking"},
        {"agent_state": "thinking"},
        {"current_speech": "queued"},
    ],
    ids=str,
)
def test_update_is_skipped_while_somebody_speaks_and_said_the_next_time(states: dict[str, object]) -> None:
    async def test(held: Held) -> None:
        held.session.changes(**states)
        await asyncio.sleep(LONG_S)
        await held.line.tell_waiting()
        assert held.book.said == []
        held.session.changes(user_state="listening", agent_state="listening", current_speech=None)
        await asyncio.sleep(LONG_S)
        await held.line.tell_waiting()

    assert in_virtual_time(test) == ["waiting"]


def test_update_is_skipped_between_a_question_and_its_answer() -> None:
    async def test(held: Held) -> None:
        held.session.changes(user_state="speaking")
        held.session.changes(user_state="listening")
        await asyncio.sleep(1)
        await held.line.tell_waiting()

    assert in_virtual_time(test) == []


def test_update_is_skipped_when_the_caller_begins_to_speak_while_the_music_is_lowered() -> None:
    async def test(held: Held) -> None:
        telling = asyncio.create_task(held.line.tell_waiting())
        await asyncio.sleep(0.5)
        held.session.changes(user_state="speaking")
        await telling

    assert in_virtual_time(test) == []


def test_phone_caller_is_told_once_what_the_keys_do() -> None:
    async def test(held: Held) -> None:
        for _ in range(3):
            await held.line.tell_waiting()

    assert in_virtual_time(test, has_keys=True) == ["waiting_keys", "waiting", "waiting"]


def test_key_is_answered_at_once_and_cuts_off_only_what_may_be_cut_off() -> None:
    class Speech:
        allow_interruptions = True

    async def test(held: Held) -> None:
        held.session.current_speech = Speech()
        held.line.answer_key("keys.ringing")
        assert held.session.interrupted == 1
        Speech.allow_interruptions = False
        held.line.answer_key("keys.consulting")
        assert held.session.interrupted == 1

    assert in_virtual_time(test) == ["keys.ringing", "keys.consulting"]


def test_key_while_the_session_swaps_its_agent_breaks_nothing() -> None:
    async def test(held: Held) -> None:
        held.session.is_swapping = True
        held.line.answer_key("keys.ringing")

    assert in_virtual_time(test) == []
