"""A caller who was transferred goes back to Agent A, or on to another specialist, and is asked nothing again."""

import numpy as np
import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.failing_worker import FATAL_WORD
from tests.e2e.placed_call import PlacedCall, running_site
from warm_transfer.calls.folding import fold
from warm_transfer.stand.caller.downlink import RATE_HZ

pytestmark = pytest.mark.asyncio(loop_scope="session")

FATAL_ERRORS = 4
"""ProviderFaults bears three in a row."""
MOST_SILENCE_S = 2.0
"""Between Agent B's last word, with which it leaves, and Agent A's first."""
AUDIBLE = 200
"""int16 peak."""


async def with_ben(call: PlacedCall) -> None:
    """The caller is with Ben of billing, who has said his first line."""
    await call.ask_for_billing()
    await call.until("transfer_ended", disposition="completed")
    await call.until_said("susan", speaker="agent_b")


def sounding(call: PlacedCall, identity: str) -> tuple[int, int]:
    """First and last audible sample of one agent, at the caller's ear."""
    rendered = (lane.rendered() for lane in call.caller.downlink.lanes if lane.identity == identity)
    places = np.concatenate([np.flatnonzero(np.abs(audio) > AUDIBLE) + begin for begin, audio in rendered])
    return int(places.min()), int(places.max())


async def silence_between_s(call: PlacedCall) -> float:
    """From Agent B's last word to the new Agent A's first; less than 0 if both were heard at once."""
    agent_b = (await call.until("agent_left", role="agent_b")).payload["identity"]
    agent_a = (await call.until("job_started", count=2, role="agent_a")).payload["identity"]
    return (sounding(call, agent_a)[0] - sounding(call, agent_b)[1]) / RATE_HZ


@pytest.mark.long
@pytest.mark.parametrize("can_move", [True, False], ids=["client_move", "join_caller_room"])
async def test_caller_who_asks_to_go_back_is_with_agent_a(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory, can_move: bool
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("back")) as site, site.call(can_move=can_move) as call:
        await with_ben(call)
        await call.type("Can you connect me back to the assistant?")
        await call.until("caller_handed_back", cause="asked", skill=None)
        await call.until_said("back with me")
        assert 0 < await silence_between_s(call) < MOST_SILENCE_S
        assert await call.roles_in(call.caller.room) == ["agent_a", "caller"]
        await call.type("What are your opening hours?")
        await call.until_said("monday")
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()
        types = call.types()
        assert (types.count("call_started"), types.count("call_ended"), types.count("job_died")) == (1, 1, 0)


@pytest.mark.long
async def test_caller_with_another_matter_is_handed_on_and_asked_nothing_again(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("on")) as site, site.call() as call:
        await with_ben(call)
        first_room = call.caller.room
        await call.type("Thank you. Now my router is broken.")
        await call.until_said("tara", speaker="agent_b")
        await call.type("Yes, please.")
        await call.until("caller_handed_back", skill="technical")
        await call.until("transfer_ended", count=2, disposition="completed")
        greeting = (await call.until_said("this is tara", speaker="agent_b")).payload["text"]
        assert "Susan" in greeting
        assert "4 4 5 5 6 6" in greeting
        assert "router" in greeting
        assert call.caller.room != first_room
        assert await call.roles_in(call.caller.room) == ["agent_b_technical", "caller"]
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()
        told = fold(call.events())
        assert told.transfers[-1].briefing is not None
        assert told.transfers[-1].briefing.earlier == ("The caller says they were charged twice.",)
        assert [one.target for one in told.transfers] == ["billing", "technical"]
        spoken = [turn.text for turn in told.transcript if turn.speaker != "caller"]
        assert not any("account number?" in text or "your name" in text for text in spoken)


async def fail(call: PlacedCall) -> None:
    """Say what Agent B's model fails of until it gives up."""
    for number in range(1, FATAL_ERRORS + 1):
        await call.type(f"{FATAL_WORD} {number}")
        await call.until("turn_spoken", speaker="caller", text=f"{FATAL_WORD} {number}")
    await call.until("caller_handed_back", cause="failed")


@pytest.mark.long
async def test_caller_whose_agent_b_gives_up_is_with_agent_a(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    entry = ("-m", "tests.e2e.failing_worker")
    async with running_site(livekit, tmp_path_factory.mktemp("failed"), entry=entry) as site, site.call() as call:
        await with_ben(call)
        await fail(call)
        await call.until_said("dropped out")
        assert await call.roles_in(call.caller.room) == ["agent_a", "caller"]
        await call.type("What are your opening hours?")
        await call.until_said("monday")
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()
        assert "job_died" not in call.types()


@pytest.mark.long
async def test_caller_whose_agent_b_gives_up_without_an_agent_a_hears_a_goodbye(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    entry = ("-m", "tests.e2e.failing_alone_worker")
    folder = tmp_path_factory.mktemp("alone")
    async with running_site(livekit, folder, entry=entry, DISPATCH_TIMEOUT_S="0.5") as site, site.call() as call:
        await with_ben(call)
        await fail(call)
        await call.until("hand_back_failed")
        heard = await call.until_said("must end the call", speaker="agent_b")
        ended = await call.until("call_ended", reason="Agent B's session gave up")
        assert heard.at < ended.at
        await call.until_nothing_is_left()
