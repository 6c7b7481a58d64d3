"""livekit-server is killed and started again in mid-call: everybody finds back, and the caller hears a voice."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import api

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import DEADLINE_S, running_site
from warm_transfer.settings import Settings
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.server import LiveKitServer, free_port
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import AGENT_A_PREFIX

FIRST_S = 4.0
"""The caller is back after 0.5 s."""
SECOND_COMES_S = 4.0
"""A second agent that the token asked for would be here by then: 0.5 s after the caller is back."""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def own_server(folder: Path) -> AsyncIterator[tuple[LiveKitServer, LiveKit]]:
    """A server that no other test is on."""
    fields = Settings.model_fields
    async with LiveKitServer(log_file=folder / "livekit.log", port=free_port()) as server:
        yield (
            server,
            LiveKit(
                url=server.url,
                api_key=fields["livekit_api_key"].default,
                api_secret=fields["livekit_api_secret"].default.get_secret_value(),
            ),
        )


@pytest.mark.long
async def test_call_goes_on_after_the_server_was_restarted(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("restart")
    async with own_server(folder) as (server, livekit), running_site(livekit, folder) as site, site.call() as call:
        await call.until_said("how can i help")
        await server.restart()
        await call.until("caller_returned")
        await call.until_said("you are back")
        assert await call.roles_in(call.room) == ["agent_a", "caller"]
        await call.ask_for_billing()
        await call.until("move_begun", move="client_move")  # the client is known anew
        await call.until("transfer_ended", disposition="completed")
        await call.until_said("susan", speaker="agent_b")
        await call.caller.hang_up()
        await call.until_nothing_is_left()


@pytest.mark.long
async def test_caller_who_is_back_before_agent_a_is_heard(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("first")
    async with own_server(folder) as (server, livekit), running_site(livekit, folder) as site, site.call() as call:
        await call.until_said("how can i help")
        pid = (await call.until("job_started")).payload["pid"]
        with SpeechProcess() as speech:
            words = await asyncio.to_thread(speech.speak, "I was charged twice on my last bill.", "caller")
            os.kill(pid, signal.SIGSTOP)
            try:
                await server.restart()
                await asyncio.sleep(FIRST_S)
            finally:
                os.kill(pid, signal.SIGCONT)
            await call.until_said("you are back")
            await asyncio.sleep(FIRST_S)  # until Agent A has said again how it can help
            await call.caller.say("", words, SPEECH_RATE_HZ)
        await call.until_said("charged twice", speaker="caller")


@pytest.mark.long
async def test_playground_has_one_agent_a_after_the_server_was_restarted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("playground")
    async with own_server(folder) as (server, livekit), running_site(livekit, folder) as site:
        room = new_room_name("playground")
        token = caller_token(
            site.access,
            room=room,
            identity="somebody",
            can_move=False,
            dispatch=api.RoomAgentDispatch(agent_name=site.agent_name),  # the token asks for an agent itself
        )
        async with Caller(url=livekit.url, token=token, can_move=False) as caller, Rooms(site.access) as rooms:
            await asyncio.wait_for(caller.utterances.get(), DEADLINE_S)
            before = await agents_in(rooms, room)
            await server.restart()
            await asyncio.wait_for(caller.utterances.get(), DEADLINE_S)  # "You are back."
            await asyncio.sleep(SECOND_COMES_S)
            assert await agents_in(rooms, room) == before
            assert len(before) == 1


async def agents_in(rooms: Rooms, room: str) -> set[str]:
    return {identity for identity in await rooms.people(room) if identity.startswith(AGENT_A_PREFIX)}
