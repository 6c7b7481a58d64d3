from pathlib import Path

import psutil
import pytest
from livekit import api, rtc

from tests.e2e.conftest import LiveKit
from warm_transfer.settings import Settings
from warm_transfer.stand.server import HOST, LiveKitServer, free_port


@pytest.fixture
def server(tmp_path: Path) -> LiveKitServer:
    return LiveKitServer(log_file=tmp_path / "livekit.log", port=free_port())


async def test_server_opens_loopback_sockets_only(server: LiveKitServer) -> None:
    async with server:
        sockets = psutil.Process(server.pid).net_connections("inet")
    bound = {each.laddr for each in sockets if not each.raddr}
    assert bound == {(HOST, server.port), (HOST, server.udp_port)}


async def test_server_ends_though_a_participant_is_in(server: LiveKitServer) -> None:
    room = rtc.Room()
    async with server:
        fields = Settings.model_fields
        secret = fields["livekit_api_secret"].default.get_secret_value()
        keys = LiveKit(url=server.url, api_key=fields["livekit_api_key"].default, api_secret=secret)
        await room.connect(server.url, keys.token("room", "someone"))
    assert server.pid is not None
    assert not psutil.pid_exists(server.pid)
    await room.disconnect()


async def test_given_keys_replace_those_of_the_file(tmp_path: Path) -> None:
    key, secret = "otherkey", "another-secret-that-is-at-least-32-bytes"
    async with (
        LiveKitServer(log_file=tmp_path / "log", port=free_port(), keys=(key, secret)) as server,
        api.LiveKitAPI(server.url, key, secret) as calls,
    ):
        rooms = await calls.room.list_rooms(api.ListRoomsRequest())
    assert list(rooms.rooms) == []
