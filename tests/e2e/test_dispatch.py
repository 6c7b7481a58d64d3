"""A dispatch that no worker takes is made again; meanwhile, and instead, the caller hears where they stand."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, Site, running_site
from warm_transfer.calls.log import CallLog
from warm_transfer.control.unanswered import Unanswered
from warm_transfer.settings import Settings
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.wire import NOBODY_ANSWERS, AgentAJob

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def watching(site: Site) -> AsyncIterator[None]:
    """A watcher's eye on the rooms."""
    settings = Settings(agent_name=site.agent_name)
    async with Rooms(site.access) as rooms:
        looking = asyncio.create_task(Unanswered(settings, log=site.log, rooms=rooms, by="watcher").watch())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


def no_worker(livekit: LiveKit, log: CallLog, folder: Path) -> Site:
    """A name under which no worker is registered."""
    worker = WorkerProcess(log_file=folder / "never started.log")
    return Site(access=livekit.access, agent_name=f"test-{secrets.token_hex(4)}", log=log, worker=worker)


async def test_call_over_the_limit_hears_that_all_lines_are_busy(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("busy")
    async with running_site(livekit, folder, MAX_CALLS="1", DISPATCH_TIMEOUT_S="1") as site, site.call() as first:
        await first.until_said("how can i help")
        async with site.call() as second:
            await asyncio.wait_for(second.caller.utterances.get(), DEADLINE_S)  # hears it
            await second.until_said("all lines are busy")
            await second.until("call_ended", reason="all lines are busy")
            await second.until("job_ended", role="busy")
            assert second.room not in await second.rooms.names()
            assert [e.payload["role"] for e in second.events() if e.type == "dispatched_again"] == ["agent_a", "busy"]
        assert "call_ended" not in first.types()
        await first.caller.hang_up()
        await first.until_nothing_is_left()


@pytest.mark.long
async def test_agent_a_who_comes_while_the_busy_role_speaks_has_the_call(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("answered")
    async with running_site(livekit, folder, MAX_CALLS="1", DISPATCH_TIMEOUT_S="1") as site, site.call() as first:
        await first.until_said("how can i help")
        async with site.call() as second:
            await second.until("job_started", role="busy")
            taking_over = AgentAJob(call_id=second.call_id, caller_identity="caller-1", replaces="agent_a", epoch=2)
            await second.rooms.dispatch(site.agent_name, second.room, taking_over.model_dump_json())
            await second.until("job_ended", role="busy")
            await second.until("turn_spoken", speaker="agent_a", room=second.room)
            assert await second.roles_in(second.caller.room) == ["agent_a", "caller"]
            assert "call_ended" not in second.types()
            await second.caller.hang_up()
            await second.until("call_ended", reason="the caller hung up")
        await first.caller.hang_up()
        await first.until_nothing_is_left()


@pytest.mark.long
async def test_lost_agent_b_comes_from_a_worker_that_registers_late(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("late")
    name, log_url = f"test-{secrets.token_hex(4)}", f"sqlite:///{folder}/calls.sqlite3"
    alone = running_site(
        livekit,
        folder / "alone",
        entry=("-m", "tests.e2e.alone_worker"),
        AGENT_NAME=name,
        CALL_LOG_URL=log_url,
        RING_TIMEOUT_S=str(DEADLINE_S),
        DISPATCH_TIMEOUT_S="1",
    )
    async with alone as site, site.call() as call:
        await call.ask_for_billing()
        await call.until("caller_held")
        await call.until_said("connecting you")
        async with running_site(livekit, folder / "late", AGENT_NAME=name, CALL_LOG_URL=log_url):
            await call.until("transfer_ended", disposition="completed")
            await call.until_said("susan", speaker="agent_b")
            assert call.types().count("attempt_begun") == 1
            assert await call.roles_in(call.caller.room) == ["agent_b_billing", "caller"]
            await call.caller.hang_up()
            await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_without_any_worker_can_read_so_and_is_answered_by_the_first(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("nobody")
    log_url = f"sqlite:///{folder}/calls.sqlite3"
    with CallLog(log_url) as log:
        site = no_worker(livekit, log, folder)
        async with watching(site), site.call() as call:
            async with asyncio.timeout(DEADLINE_S):
                while call.rtc_room.metadata != NOBODY_ANSWERS:  # noqa: ASYNC110 - as a page would read it
                    await asyncio.sleep(0.1)
            async with running_site(livekit, folder, AGENT_NAME=site.agent_name, CALL_LOG_URL=log_url):
                await call.until_said("how can i help")
                async with asyncio.timeout(DEADLINE_S):
                    while call.rtc_room.metadata:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                assert await call.roles_in(call.caller.room) == ["agent_a", "caller"]
                assert call.types().count("call_started") == 1
                await call.caller.hang_up()
                await call.until_nothing_is_left()
