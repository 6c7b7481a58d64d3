"""A caller on LiveKit Cloud whose client can't move by itself is moved by the server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from livekit.protocol.rtc import RoomMovedResponse

from tests.e2e.cloud_server import CloudServer, Refuse
from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import PlacedCall, running_site
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOVE_TIMEOUT_S = 2.0


def access(livekit: LiveKit, url: str) -> ServerAccess:
    return ServerAccess(url=url, api_key=livekit.api_key, api_secret=livekit.api_secret, rpc_timeout_s=MOVE_TIMEOUT_S)


@pytest_asyncio.fixture(loop_scope="session")
async def cloud(livekit: LiveKit) -> AsyncIterator[CloudServer]:
    async with CloudServer(access(livekit, livekit.url)) as server:
        yield server


def on_cloud(livekit: LiveKit, cloud: CloudServer) -> LiveKit:
    return LiveKit(url=cloud.url, api_key=livekit.api_key, api_secret=livekit.api_secret)


async def never() -> str:
    await asyncio.Event().wait()
    raise AssertionError


def refusing(code: str) -> Refuse:
    async def refuse() -> str:
        return code

    return refuse


def let_move(cloud: CloudServer, call: PlacedCall) -> None:
    """The caller's connection is the cloud's to move."""

    async def be_moved(moved: RoomMovedResponse) -> None:
        await call.caller.be_moved(moved.token)

    cloud.clients[call.identity] = be_moved


async def back_with_agent_a(call: PlacedCall) -> None:
    await call.until("transfer_ended", disposition="move_failed")
    await call.until_said("could not put you through")
    assert call.caller.room == call.room


async def test_caller_is_moved_by_the_server(
    livekit: LiveKit, cloud: CloudServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    running = running_site(on_cloud(livekit, cloud), tmp_path_factory.mktemp("cloud"), CLOUD_MOVE="on")
    async with running as site, site.call(can_move=False) as call:
        let_move(cloud, call)
        await call.ask_for_billing()
        final_room = (await call.until("move_begun", move="cloud_move")).payload["final_room"]
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        assert call.caller.room == final_room
        assert await call.roles_in(final_room) == ["agent_b_billing", "caller"]
        assert [(one.room, one.identity, one.destination_room) for one in cloud.asked] == [
            (call.room, call.identity, final_room)
        ]
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_refused_caller_is_back_with_agent_a_and_joined_at_the_next_transfer(
    livekit: LiveKit, cloud: CloudServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cloud.refuse = refusing("unimplemented")
    running = running_site(on_cloud(livekit, cloud), tmp_path_factory.mktemp("refused"), CLOUD_MOVE="on")
    async with running as site, site.call(can_move=False) as call:
        let_move(cloud, call)
        await call.ask_for_billing()
        await back_with_agent_a(call)
        await call.type("Please connect me with billing.")
        await call.until("move_begun", move="join_caller_room")
        await call.until("transfer_ended", count=2)
        await call.until_said("susan", speaker="agent_b")
        assert call.caller.room == call.room
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_whom_the_server_is_slow_to_move_is_back_at_the_deadline(
    livekit: LiveKit, cloud: CloudServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cloud.refuse = never
    running = running_site(
        on_cloud(livekit, cloud),
        tmp_path_factory.mktemp("slow"),
        CLOUD_MOVE="on",
        MOVE_TIMEOUT_S=str(MOVE_TIMEOUT_S),
    )
    async with running as site, site.call(can_move=False) as call:
        let_move(cloud, call)
        await call.ask_for_billing()
        begun = await call.until("move_begun", move="cloud_move")
        ended = await call.until("transfer_ended", disposition="move_failed")
        assert ended.at - begun.at == pytest.approx(MOVE_TIMEOUT_S, abs=1.0)
        await back_with_agent_a(call)
        await call.caller.hang_up()
        await call.until("call_ended")
        await call.until_nothing_is_left()


@pytest.mark.parametrize("code", ["unimplemented", "not_found", "unknown", "unauthenticated"])
async def test_every_refusal_of_the_server_is_one_error(livekit: LiveKit, cloud: CloudServer, code: str) -> None:
    cloud.refuse = refusing(code)
    async with Rooms(access(livekit, cloud.url)) as rooms:
        with pytest.raises(TargetUnavailableError, match="could not move the caller"):
            await rooms.move(new_room_name("caller"), "caller-1", new_room_name("final"))


async def test_stock_server_refuses_to_move(livekit: LiveKit) -> None:
    room = new_room_name("caller")
    async with Rooms(access(livekit, livekit.url)) as rooms:
        await rooms.create(room, empty_timeout_s=5)
        with pytest.raises(TargetUnavailableError, match="could not move the caller"):
            await rooms.move(room, "caller-1", new_room_name("final"))
        await rooms.delete(room)


async def test_silent_server_is_given_up_at_the_deadline(livekit: LiveKit, cloud: CloudServer) -> None:
    cloud.refuse = never
    async with Rooms(access(livekit, cloud.url)) as rooms:
        with pytest.raises(TargetUnavailableError, match="could not move the caller") as caught:
            await rooms.move(new_room_name("caller"), "nobody", new_room_name("final"))
    assert isinstance(caught.value.__cause__, TimeoutError)
