"""A dispatch whose metadata makes no sense ends in one sentence of the log, and the worker goes on."""

import re
import secrets

import pytest

from tests.e2e.conftest import LiveKit
from tests.e2e.placed_call import running_site
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, new_room_name
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import AgentBJob

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]


def agent_b_job(**different: str) -> str:
    job = AgentBJob(
        call_id=secrets.token_hex(16),
        epoch=2,
        transfer_id=secrets.token_hex(16),
        specialist="billing",
        identity="agent_b_billing-01234567",
        agent_a_identity="agent_a-nobody",
        caller_identity="nobody",
        consult_room=new_room_name("consult"),
        move=Move.CLIENT_MOVE,
        consult_mode="text",
    )
    return job.model_copy(update=different).model_dump_json()


async def test_dispatch_with_nonsense_for_metadata_harms_nobody(
    livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    unknown = agent_b_job(specialist="astrology", identity="agent_b_astrology-01234567")
    no_consult = agent_b_job()
    bogus = ["nonsense", '{"role": "agent_b"}', unknown, no_consult]
    async with running_site(livekit, tmp_path_factory.mktemp("bogus")) as site, Rooms(site.access) as rooms:
        for metadata in bogus:
            room = new_room_name("final")
            await rooms.create(room, empty_timeout_s=5)
            await rooms.dispatch(site.agent_name, room, metadata)
        async with site.call() as call:
            await call.until_said("how can i help")
            await call.caller.hang_up()
            await call.until("call_ended")
        log = site.worker.log_file.read_text()
        assert len(re.findall("job refused", log)) == 3
        assert len(re.findall("not needed any more", log)) == 1
        assert "Traceback" not in log
        assert site.log.call_ids() == [call.call_id]
