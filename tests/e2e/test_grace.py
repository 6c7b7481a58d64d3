"""A caller who goes away for a moment is in the same call on return; who stays away has hung up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import PlacedCall, running_site
from warm_transfer.stand.caller.caller import Caller

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def returned(call: PlacedCall) -> AsyncIterator[Caller]:
    """The caller's page, loaded again: the same identity on a new connection."""
    async with Caller(url=call.site.access.url, token=call.token) as again:
        yield again


async def test_caller_who_comes_back_goes_on_with_the_same_call(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("reload")) as site, site.call() as call:
        await call.until_said("how can i help")
        await call.rtc_room.disconnect()  # no end button was pressed
        away = await call.until("caller_away")
        assert away.payload["reason"] == "the caller left the room"
        async with returned(call) as reloaded:
            await call.until("caller_returned")
            await call.until_said("you are back")
            # A tab that was killed: LiveKit has not noticed when its follower joins.
            async with returned(call) as reopened:
                await call.until("caller_returned", count=2)
                await reopened.rtc_room.local_participant.send_text("What are your opening hours?", topic="lk.chat")
                await call.until_said("monday")
                await reopened.hang_up()
            await reloaded.hang_up()
        await call.until("call_ended", reason="the caller hung up")
        assert call.types().count("call_started") == 1
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_who_stays_away_has_hung_up(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("away")
    async with running_site(livekit, folder, REJOIN_GRACE_S="1") as site, site.call() as call:
        await call.until_said("how can i help")
        await call.rtc_room.disconnect()
        away = await call.until("caller_away")
        ended = await call.until("call_ended", reason="the caller left the room")
        assert ended.at - away.at > 0.9
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_held_caller_who_comes_back_is_moved(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("held")
    # Spoken: a consult that is long enough to be away in.
    async with running_site(livekit, folder, CONSULT_MODE="spoken", HOLD_AFTER_MS="0") as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("target_answered")
        await call.rtc_room.disconnect()
        await call.until("caller_away")
        async with returned(call) as again:
            await call.until("transfer_ended", disposition="completed")
            await call.until_said("susan", speaker="agent_b")
            assert again.room.startswith("final-")
            await again.hang_up()
        await call.until("call_ended", reason="the caller hung up")
        await call.until_nothing_is_left()
