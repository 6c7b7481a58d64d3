"""The keys of a held caller's phone, in a room that only the test speaks in."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from livekit import rtc
from livekit.agents import ChatContext, ChatMessage, StopResponse

from agents.hold_keys import HoldKeys
from agents.on_hold import OnHold
from agents.prompts import load_phrases
from agents.transfer_desk import TransferDesk
from tests.fakes import FakeConversation, FakeWorld, settle
from warm_transfer.transfer import events as ev
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.terms import Deadline, Move, Offer, State

CALLER = "caller-1"


class Participant:
    def __init__(self, identity: str) -> None:
        self.identity = identity


class Phone:
    """A caller who presses keys, in a call whose targets are a fake world's."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.room = rtc.Room()
        self.said: list[str] = []
        self.messages: list[str] = []
        ports = Ports(caller=self.world, target=self.world, conversation=FakeConversation(), record=self.world.record)
        self.coordinator = Coordinator(ports=ports, deadlines=dict.fromkeys(Deadline, 60.0))
        self.keys = HoldKeys(
            self.room, CALLER, coordinator=self.coordinator, say=self.said.append, leave_message=self.messages.append
        )

    async def press(self, digit: str, by: str | None = CALLER) -> None:
        participant = cast("rtc.RemoteParticipant", Participant(by)) if by else None
        self.room.emit("sip_dtmf_received", rtc.SipDTMF(code=ord(digit), digit=digit, participant=participant))
        await settle()

    async def happens(self, *events: ev.Event) -> None:
        for event in events:
            self.coordinator.post(event)
            await settle()

    async def ring(self, transfer_id: str = "t") -> None:
        offer = Offer(transfer_id=transfer_id, target="billing", skill="billing", reason="charged twice")
        await self.happens(ev.TransferOffered(offer), ev.TransferRequested(Move.JOIN_CALLER_ROOM))

    @property
    def state(self) -> State:
        return self.coordinator.situation.state


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    phone = Phone()
    running = asyncio.create_task(phone.coordinator.run())
    yield phone
    phone.keys.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_key_1_says_where_the_transfer_stands(phone: Phone) -> None:
    await phone.ring()
    await phone.press("1")
    await phone.happens(ev.TargetAnswered("b"))
    await phone.press("1")
    assert phone.said == ["keys.ringing", "keys.consulting"]


async def test_key_2_takes_the_caller_back(phone: Phone) -> None:
    await phone.ring()
    await phone.press("2")
    assert phone.state is State.TALKING
    assert "take_back cancelled" in phone.world.did


async def test_key_3_makes_the_next_words_a_message_and_only_these(phone: Phone) -> None:
    await phone.ring()
    await phone.press("3")
    assert phone.said == ["keys.ask_message"]
    assert phone.keys.take_message("Call me tomorrow.")
    assert not phone.keys.take_message("How long will it take?")
    assert phone.messages == ["Call me tomorrow."]
    assert phone.said[-1] == "keys.noted"


async def test_empty_words_are_no_message_and_the_next_ones_are(phone: Phone) -> None:
    await phone.ring()
    await phone.press("3")
    assert not phone.keys.take_message(" ")
    assert phone.keys.take_message("Call me.")


async def test_another_key_instead_of_a_message_wants_none(phone: Phone) -> None:
    await phone.ring()
    await phone.press("3")
    await phone.press("1")
    assert not phone.keys.take_message("How long?")
    assert phone.messages == []


async def test_message_that_was_asked_for_in_an_earlier_hold_is_none_in_the_next(phone: Phone) -> None:
    await phone.ring("t")
    await phone.press("3")
    await phone.happens(ev.CancelRequested())
    assert not phone.keys.take_message("Hello?")
    await phone.ring("u")
    assert not phone.keys.take_message("How long?")


@pytest.mark.parametrize("digit", ["1", "2", "3"])
async def test_keys_mean_nothing_while_the_caller_talks_with_agent_a(phone: Phone, digit: str) -> None:
    await phone.press(digit)
    assert phone.said == []
    assert not phone.keys.take_message("Call me.")


async def test_keys_mean_nothing_once_the_target_has_accepted(phone: Phone) -> None:
    await phone.ring()
    await phone.happens(ev.TargetAnswered("b"), ev.TargetAccepted())
    for digit in "123":
        await phone.press(digit)
    assert phone.state is State.MOVING
    assert phone.said == []


@pytest.mark.parametrize("by", ["guest", None])
async def test_keys_of_anybody_else_mean_nothing(phone: Phone, by: str | None) -> None:
    await phone.ring()
    await phone.press("2", by)
    assert phone.state is State.RINGING


@pytest.mark.parametrize("digit", ["0", "4", "#", "*"])
async def test_other_keys_do_nothing(phone: Phone, digit: str) -> None:
    await phone.ring()
    await phone.press(digit)
    assert (phone.state, phone.said) == (State.RINGING, [])


async def test_closed_keys_are_not_heard(phone: Phone) -> None:
    await phone.ring()
    phone.keys.close()
    phone.keys.close()
    await phone.press("2")
    assert phone.state is State.RINGING


async def test_message_that_was_asked_for_gets_no_answer_of_the_model(phone: Phone) -> None:
    on_hold = OnHold(cast("TransferDesk", None), note_held=lambda: None, take_message=phone.keys.take_message)
    spoken = ChatMessage(role="user", content=["Call me tomorrow."])
    await phone.ring()
    await on_hold.on_user_turn_completed(ChatContext.empty(), spoken)
    await phone.press("3")
    with pytest.raises(StopResponse):
        await on_hold.on_user_turn_completed(ChatContext.empty(), spoken)
    assert phone.messages == ["Call me tomorrow."]


async def test_every_phrase_that_a_key_says_is_in_the_book(phone: Phone) -> None:
    await phone.ring()
    await phone.press("1")
    await phone.happens(ev.TargetAnswered("b"))
    await phone.press("1")
    await phone.press("3")
    phone.keys.take_message("Call me.")
    assert set(phone.said) == {key for key in load_phrases() if key.startswith("keys.")}
