"""The transfer one step after the other: summarize, dispatch, brief, move; to an Agent B of ours."""

import asyncio
import secrets
from typing import Any

from livekit import rtc
from livekit.agents import Agent, ChatContext, StopResponse, function_tool

from warm_transfer.settings import Settings
from warm_transfer.stand.bench.bare_job import BareJob
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.events import Event
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess
from warm_transfer.transfer.livekit_adapter.target_line import CallParties, LiveKitTargetLine
from warm_transfer.transfer.ports import OpenedRooms
from warm_transfer.transfer.terms import Move, Offer

_STEP_S = 20.0


class SequentialA(Agent):
    """Agent A whose tool makes every step itself, and waits for each."""

    def __init__(self, job: BareJob, room: rtc.Room, settings: Settings, model: Any) -> None:
        super().__init__(instructions=job.instructions_a)
        self._job = job
        self._room = room
        self._settings = settings
        self._model = model

    @function_tool
    async def transfer_call(self) -> None:
        """Connect the caller with the specialist. Say nothing more after it."""
        await self._summarize()
        async with Rooms(ServerAccess.of(self._settings)) as rooms:
            heard: asyncio.Queue[Event] = asyncio.Queue()
            line = self._line(rooms)
            try:
                await line.open(_offer(), Move.CLIENT_MOVE, heard.put_nowait, _ignore)
                await _until(heard, events.TargetAnswered)
                await line.brief(_briefing())
                await _until(heard, events.TargetAccepted)
                await line.move_caller(Move.CLIENT_MOVE)
                await _until(heard, events.CallerMoved)
            finally:
                await line.close()
        raise StopResponse

    async def _summarize(self) -> None:
        context = ChatContext.empty()
        context.add_message(role="system", content="Summarize the call.")
        await self._model.chat(chat_ctx=context).collect()

    def _line(self, rooms: Rooms) -> LiveKitTargetLine:
        settings = self._settings
        parties = CallParties(
            call_id=secrets.token_hex(16),
            epoch=1,
            agent_name=settings.agent_name,
            agent_a_identity=self._room.local_participant.identity,
            caller_identity=self._job.caller_identity,
            caller_room=self._room,
        )
        return LiveKitTargetLine(
            access=ServerAccess.of(settings),
            rooms=rooms,
            parties=parties,
            consult_mode="text",
            room_timeout_s=_STEP_S,
            arm_ttl_s=settings.arm_ttl_s,
            ring_timeout_s=settings.ring_timeout_s,
            dispatch_timeout_s=settings.dispatch_timeout_s,
            voice=None,
            farewells={},
        )


def _offer() -> Offer:
    return Offer(transfer_id=secrets.token_hex(16), target="billing", skill="billing", reason="charged twice")


def _briefing() -> Briefing:
    asked = "To be connected with billing."
    return Briefing(caller_name=None, reason="The caller was charged twice.", tried=(), asked=asked, facts=())


async def _until(heard: "asyncio.Queue[Event]", kind: type[Event]) -> None:
    async with asyncio.timeout(_STEP_S):
        while not isinstance(await heard.get(), kind):
            pass


def _ignore(_: OpenedRooms) -> None:
    pass
