"""A process is killed in mid-call: the caller hears a voice again within seconds, and nothing is asked again."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import PlacedCall, Site, running_site
from warm_transfer.calls.log import CallLog
from warm_transfer.control.recovery import Recovery
from warm_transfer.control.watcher import Watcher
from warm_transfer.settings import Settings
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def kill(call: PlacedCall, role: str) -> None:
    """kill -9 the latest job of this role."""
    pids = [
        event.payload["pid"] for event in call.events() if event.type == "job_started" and event.payload["role"] == role
    ]
    os.kill(pids[-1], signal.SIGKILL)


async def test_agent_a_that_dies_while_talking_goes_on(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("talking")) as site, site.call() as call:
        await call.until_said("how can i help")
        await call.type("My name is Susan Clark, I was charged twice, my account number is 445566.")
        await call.until("transfer_offered")
        await call.until_said("ben")
        await kill(call, "agent_a")
        await call.until("job_died")
        await call.until_said("cut off for a moment")
        assert (await call.roles_in(call.caller.room)).count("agent_a") == 1
        await call.type("Yes, please.")  # to what was offered before
        await call.until("transfer_ended", disposition="completed")
        moved = await call.until_said("susan", speaker="agent_b")
        assert "445566" in moved.payload["text"].replace(" ", "") or "charge" in moved.payload["text"].lower()
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
@pytest.mark.parametrize("fault", ["kaboom", "offline"])
async def test_call_of_an_agent_a_that_raises_or_loses_its_room_goes_on(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory, fault: str
) -> None:
    folder = tmp_path_factory.mktemp("raising")
    async with running_site(livekit, folder, entry=("-m", "tests.e2e.raising_worker")) as site, site.call() as call:
        await call.until_said("how can i help")
        await call.type(f"My name is Susan Clark, I was charged twice, {fault}.")
        died = await call.until("job_died")
        resumed = await call.until_said("cut off for a moment")
        assert resumed.at - died.at < 10
        await call.type("My account number is 445566.")
        await call.until("transfer_offered")  # the name and the problem are known
        assert (await call.roles_in(call.caller.room)).count("agent_a") == 1
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_transfer_whose_agent_a_dies_is_made_again(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        running_site(livekit, tmp_path_factory.mktemp("consulting"), CONSULT_MODE="spoken") as site,
        site.call() as call,
    ):
        await call.ask_for_billing()
        await call.until("target_answered")
        await kill(call, "agent_a")
        await call.until("transfer_ended", disposition="failed")
        await call.until_said("i am connecting you again")
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        assert call.caller.room.startswith("final-")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_agent_b_that_dies_before_the_move_is_missed_at_once(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        running_site(livekit, tmp_path_factory.mktemp("missed"), CONSULT_MODE="spoken") as site,
        site.call() as call,
    ):
        await call.ask_for_billing()
        await call.until("briefing_sent")
        await kill(call, "agent_b")
        await call.until("transfer_ended", disposition="target_left")
        await call.until_said("dropped out")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_agent_b_that_dies_with_the_caller_is_replaced_by_agent_a(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp("replaced")) as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        await kill(call, "agent_b")
        await call.until_said("dropped out")
        assert call.caller.room.startswith("final-")
        assert (await call.roles_in(call.caller.room)).count("agent_a") == 1
        await call.type("What are your opening hours?")
        await call.until_said("monday")
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()
        assert await asyncio.to_thread(lambda: call.types().count("call_started")) == 1


@asynccontextmanager
async def watching(livekit: LiveKit, log_url: str, agent_name: str) -> AsyncIterator[str]:
    """A watcher of our own; gives its address."""
    settings = Settings(
        livekit_url=livekit.url,
        livekit_api_key=livekit.api_key,
        livekit_api_secret=SecretStr(livekit.api_secret),
        call_log_url=log_url,
        agent_name=agent_name,
    )
    with CallLog(log_url) as log:
        async with Rooms(ServerAccess.of(settings)) as rooms:
            recover = Recovery(settings, log=log, rooms=rooms, by=secrets.token_hex(4)).recover
            async with Watcher(
                secret=livekit.api_secret,
                host="127.0.0.1",
                port=0,
                is_alive=lambda job: rooms.answers(job.room, job.identity),
                recover=recover,
            ) as watcher:
                yield f"127.0.0.1:{watcher.port}"


@pytest.mark.long
async def test_call_of_a_worker_that_dies_goes_on_in_another(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("workers")
    log_url = f"sqlite:///{folder}/calls.sqlite3"
    name = f"test-{secrets.token_hex(4)}"

    def worker(number: int, watchers: str) -> AbstractAsyncContextManager[Site]:
        return running_site(livekit, folder / str(number), CALL_LOG_URL=log_url, AGENT_NAME=name, WATCHERS=watchers)

    async with (
        watching(livekit, log_url, name) as one,
        watching(livekit, log_url, name) as two,
        worker(1, f"{one},{two}") as site,
        site.call() as call,
    ):
        await call.until_said("how can i help")
        await call.type("My name is Susan Clark, I was charged twice.")
        await call.until_said("account number")
        async with worker(2, f"{one},{two}"):
            site.worker.kill()
            await call.until_said("cut off for a moment")
            assert (await call.roles_in(call.caller.room)).count("agent_a") == 1
            await call.type("It is 445566.")
            await call.until("transfer_offered")
            assert call.types().count("job_died") == 1
            await call.caller.hang_up()
            await call.until_nothing_is_left()


@pytest.mark.long
@pytest.mark.parametrize("moment", ["target_answered", "target_accepted", "caller_moved"])
async def test_caller_who_can_not_move_hears_one_agent_though_agent_a_dies_in_the_move(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory, moment: str
) -> None:
    async with running_site(livekit, tmp_path_factory.mktemp(moment)) as site, site.call(can_move=False) as call:
        await call.ask_for_billing()
        await call.until(moment)
        await kill(call, "agent_a")
        await call.until("transfer_ended", disposition="completed")  # with the first Agent B, or called again
        await call.until_said("susan", speaker="agent_b")
        async with asyncio.timeout(10):
            while "agent_a" in await call.roles_in(call.room):  # noqa: ASYNC110 - on its way out
                await asyncio.sleep(0.1)
        assert await call.roles_in(call.room) == ["agent_b_billing", "caller"]
        moved = max(one.at for one in call.events() if one.type == "caller_moved")
        spoken = [one for one in call.events() if one.type == "turn_spoken" and one.payload["at"] > moved + 1]
        assert {one.payload["speaker"] for one in spoken} == {"agent_b"}
        await call.caller.hang_up()
        await call.until("call_ended", reason="the caller hung up")
        await call.until_nothing_is_left()
