"""What Agent A says in a consult is kept until it is asked for; a dismissal counts at any time."""

import asyncio

import pytest

from agents.consult_inbox import ConsultInbox, NotNeededError
from tests.fakes import settle
from warm_transfer.transfer.wire import Answer, Connect, Dismiss

DISMISSED = Dismiss(disposition="cancelled")


def inbox(*, may_end: bool = False) -> ConsultInbox:
    return ConsultInbox(lambda: may_end)


async def done() -> str:
    return "done"


async def test_message_that_comes_while_something_is_done_is_there_afterwards() -> None:
    consult, learned = inbox(), asyncio.Event()
    learning = asyncio.create_task(consult.unless_dismissed(learned.wait()))
    await settle()
    consult.put(Answer(text="no"))
    consult.put(Connect())
    await settle()
    learned.set()
    assert await learning
    assert await consult.next_of(Answer) == Answer(text="no")
    assert await consult.next_of(Connect) == Connect()


async def test_message_that_is_not_asked_for_is_dropped() -> None:
    consult = inbox()
    consult.put(Answer(text="late"))
    waiting = asyncio.create_task(consult.next_of(Connect))
    await settle()
    consult.put(Connect())
    assert await waiting == Connect()


@pytest.mark.parametrize("message", [DISMISSED, None], ids=["dismissed", "the consult room is gone"])
async def test_dismissal_ends_what_is_done_and_stays(message: Dismiss | None) -> None:
    consult, cancelled = inbox(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    working = asyncio.create_task(consult.unless_dismissed(work()))
    await settle()
    consult.put(message)
    with pytest.raises(NotNeededError):
        await working
    assert cancelled.is_set()
    with pytest.raises(NotNeededError):
        await consult.next_of(Connect)


async def test_dismissal_behind_another_message_is_seen() -> None:
    consult = inbox()
    consult.put(Connect())
    consult.put(DISMISSED)
    with pytest.raises(NotNeededError):
        await consult.unless_dismissed(asyncio.Event().wait())


async def test_dismissal_counts_though_what_was_done_meanwhile_is_done() -> None:
    consult = inbox()
    consult.put(DISMISSED)
    with pytest.raises(NotNeededError):
        await consult.unless_dismissed(done())


async def test_end_of_the_consult_tells_nothing_to_who_may_have_the_caller() -> None:
    consult = inbox(may_end=True)
    consult.put(None)
    assert await consult.unless_dismissed(done()) == "done"
