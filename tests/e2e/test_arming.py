"""What is made ready while the caller is asked: taken over by the consult, or gone; nothing of the call is in it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from livekit import rtc

from tests.e2e.conftest import LiveKit
from tests.e2e.pilot_worker import PILOT_AMPLITUDE, PILOT_HZ
from tests.e2e.placed_call import DEADLINE_S, PlacedCall, Site, running_site
from tests.e2e.wiretap import Wiretap
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.downlink import RATE_HZ, mix
from warm_transfer.stand.demo.consult_listener import ConsultListener
from warm_transfer.stand.demo.left_over import is_alive
from warm_transfer.stand.listening import tone_ms

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNDONE_S = 2.0
PROBLEM = "My name is Susan Clark, I was charged twice, my account number is 445566."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("arming")
    async with running_site(livekit, folder, CONSULT_MODE="text", HOLD_AFTER_MS="20000") as site:
        yield site


async def armed(call: PlacedCall) -> LoggedEvent:
    """Bring the call to Agent A's question; everything is ready then."""
    await call.until_said("how can i help")
    await call.type(PROBLEM)
    armed = await call.until("transfer_armed")
    await call.until("job_started", role="agent_b")
    await call.until_said("ben")
    await until_ahead(call, str(armed.payload["final_room"]))
    return armed


async def until_ahead(call: PlacedCall, final_room: str) -> None:
    """Wait until the caller is in the final room, muted."""
    async with asyncio.timeout(DEADLINE_S):
        while not any(  # noqa: ASYNC110 - polled
            one.is_ahead for one in await call.rooms.participants(final_room)
        ):
            await asyncio.sleep(0.05)


async def until_undone(call: PlacedCall, job: LoggedEvent) -> float:
    """Seconds until this Agent B's rooms and process are gone."""
    begun = time.monotonic()
    async with asyncio.timeout(DEADLINE_S):
        while (  # noqa: ASYNC110 - polled
            await call.rooms_left() != [call.room] or is_alive(int(job.payload["pid"]))
        ):
            await asyncio.sleep(0.05)
    return time.monotonic() - begun


async def test_caller_who_agrees_is_moved_to_whom_was_ready(site: Site) -> None:
    async with site.call() as call:
        ready = await armed(call)
        assert await call.roles_in(str(ready.payload["final_room"])) == ["agent_b_billing", "caller"]
        assert "transfer_requested" not in call.types()
        await call.type("Yes, please.")
        moved = await call.until("caller_moved")
        await call.until_said("susan", speaker="agent_b")
        await call.until("job_ended", role="agent_a")
        assert moved.payload["final_room"] == ready.payload["final_room"] == call.caller.room
        assert "transfer_disarmed" not in call.types()
        await call.type("What is my account number?")
        await call.until_said("4 4 5 5 6 6", speaker="agent_b")  # Agent B hears, and knows the briefing
        await call.caller.hang_up()
        await call.until_nothing_is_left()
        types = call.types()
    assert types.count("job_started") == types.count("job_ended") == 2


@pytest.mark.long
async def test_no_leaves_neither_room_nor_job_two_seconds_later(site: Site) -> None:
    async with site.call() as call:
        await armed(call)
        job = await call.until("job_started", role="agent_b")
        await call.type("No, thank you.")
        undone = await call.until("transfer_disarmed")
        assert await until_undone(call, job) < UNDONE_S
        assert undone.payload["reason"] == "the offer was withdrawn"
        assert call.caller.room == call.room
        await call.type("What are your opening hours?")
        await call.until_said("monday")


@pytest.mark.long
async def test_hang_up_leaves_nothing(site: Site) -> None:
    async with site.call() as call:
        await armed(call)
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_nothing_of_the_call_is_in_either_room_before_consent(site: Site, livekit: LiveKit) -> None:
    async with site.call() as call:
        ready = await armed(call)
        rooms = [str(ready.payload[kind]) for kind in ("consult_room", "final_room")]
        tap, spies = Wiretap(), [rtc.Room(), rtc.Room()]
        listeners = [ConsultListener(call.site.access, call.caller.clock) for _ in rooms]
        for spy, name in zip(spies, rooms, strict=True):
            tap.attach(spy)
            await spy.connect(livekit.url, livekit.token(name, f"spy-{name[:5]}"))
        recording = [
            asyncio.create_task(one.record(name, pytest.fail)) for one, name in zip(listeners, rooms, strict=True)
        ]
        at = np.arange(2 * RATE_HZ) / RATE_HZ
        tone = (PILOT_AMPLITUDE * np.sin(2 * np.pi * PILOT_HZ * at)).astype(np.int16)
        await call.caller.say("a tone", tone, RATE_HZ)
        await call.type("My account number is 445566, and my router is broken, too.")
        await asyncio.sleep(2)  # for what would come
        assert all(any(one.startswith("agent_b") for one in spy.remote_participants) for spy in spies)
        assert not tap.contains("susan", "445566", "charged", "router", "briefing", "lakeside")
        await call.type("No, thank you.")
        await call.until("transfer_disarmed")
        await asyncio.wait_for(asyncio.gather(*recording), DEADLINE_S)
        assert [tone_ms(one.recorded(), RATE_HZ, PILOT_HZ) for one in listeners] == [0, 0]
        assert tone_ms(mix([call.caller.microphone.said]), RATE_HZ, PILOT_HZ) > 1000


@pytest.mark.long
async def test_agent_a_that_dies_leaves_nothing_ready_behind(site: Site) -> None:
    async with site.call() as call:
        await armed(call)
        agent_a = await call.until("job_started", role="agent_a")
        job = await call.until("job_started", role="agent_b")
        os.kill(int(agent_a.payload["pid"]), signal.SIGKILL)
        await call.until("transfer_disarmed", reason="Agent A's process died")
        assert await until_undone(call, job) < DEADLINE_S
        await call.type("Yes, please.")
        await call.until("caller_moved")
