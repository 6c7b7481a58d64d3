"""Agent A's job is killed while the caller is away: who comes back finds an Agent A, who does not ends the call."""

import os
import signal

import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import PlacedCall, running_site
from warm_transfer.stand.caller.caller import Caller

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]


async def lose(call: PlacedCall) -> None:
    """The caller's page goes away, and then Agent A's job."""
    await call.until_said("how can i help")
    await call.type("My name is Susan Clark.")
    await call.until_said("susan")
    started = await call.until("job_started")
    await call.rtc_room.disconnect()
    await call.until("caller_away")
    os.kill(started.payload["pid"], signal.SIGKILL)
    await call.until("job_died")


async def test_caller_who_was_away_finds_an_agent_a_when_back(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("back")
    async with running_site(livekit, folder, REJOIN_GRACE_S="15") as site, site.call() as call:
        await lose(call)
        await call.until("job_started", count=2)
        async with Caller(url=site.access.url, token=call.token) as again:
            await call.until("caller_returned")
            await call.until_said("cut off for a moment")
            assert await call.roles_in(call.room) == ["agent_a", "caller"]
            await again.hang_up()
        await call.until("call_ended", reason="the caller hung up")
        await call.until_nothing_is_left()


async def test_call_whose_caller_stays_away_ends_in_the_log(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gone")
    async with running_site(livekit, folder, REJOIN_GRACE_S="3") as site, site.call() as call:
        await lose(call)
        ended = await call.until("call_ended", reason="the caller did not come back")
        away = await call.until("caller_away")
        assert ended.at - away.at < 10
        await call.until_nothing_is_left()
