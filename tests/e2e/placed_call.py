"""A call placed by a test: a worker of its own settings, a caller who types, and what became of it."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from livekit import rtc

from tests.e2e.conftest import LiveKit
from tests.e2e.wiretap import Wiretap
from warm_transfer.calls.log import CallLog, LoggedEvent
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.demo.left_over import is_alive
from warm_transfer.stand.worker_process import WorkerProcess
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import AgentAJob

TRANSFERS = ("consult-", "final-")
"""How the rooms that a transfer makes begin."""

LEFT_S = 12.0
"""For rooms and jobs to go after the hang-up; well below the 20 s after which the server closes an empty room."""
DEADLINE_S = 40.0
"""For anything that a test waits for; on two busy cores a job's start takes seconds."""

CALL_LIMIT_S = 180.0
"""For a whole call with all its waits, shorter than pytest's limit: this one's traceback shows what hung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running worker on the test's server, and its call log."""

    access: ServerAccess
    agent_name: str
    log: CallLog
    worker: WorkerProcess

    @asynccontextmanager
    async def call(self, *, can_move: bool = True, has_microphone: bool = True) -> AsyncIterator["PlacedCall"]:
        """Place one call; the caller's microphone is silent until somebody speaks into it."""
        call_id, room, identity = secrets.token_hex(16), new_room_name("caller"), "caller-1"
        tap = Wiretap()
        async with Rooms(self.access) as rooms:
            before = frozenset(await rooms.names())
            await rooms.create(room, empty_timeout_s=30)
            job = AgentAJob(call_id=call_id, caller_identity=identity)
            await rooms.dispatch(self.agent_name, room, job.model_dump_json())
            token = caller_token(self.access, room=room, identity=identity, can_move=can_move)
            caller = Caller(
                url=self.access.url,
                token=token,
                can_move=can_move,
                has_microphone=has_microphone,
                on_room=tap.attach,
            )
            async with asyncio.timeout(CALL_LIMIT_S), caller:
                yield PlacedCall(
                    site=self,
                    call_id=call_id,
                    room=room,
                    identity=identity,
                    token=token,
                    caller=caller,
                    tap=tap,
                    rooms=rooms,
                    rooms_before=before,
                )


@dataclass(slots=True, kw_only=True)
class PlacedCall:
    """One call under way."""

    site: Site
    call_id: str
    room: str
    identity: str
    token: str
    caller: Caller
    tap: Wiretap
    rooms: Rooms
    rooms_before: frozenset[str]
    """On the server when the call was placed: what an earlier call left must fail that one's check, and no other."""

    @property
    def rtc_room(self) -> rtc.Room:
        """The room that the caller is in."""
        return self.caller.rtc_room

    async def type(self, text: str) -> None:
        """Send a chat message to the agent, as a playground does."""
        await self.rtc_room.local_participant.send_text(text, topic="lk.chat")

    async def until(self, event_type: str, *, count: int = 1, **payload: object) -> LoggedEvent:
        """Wait until the call log has an event of this type whose payload has these values."""
        found: list[LoggedEvent] = []
        async with asyncio.timeout(DEADLINE_S):
            while len(found) < count:
                events = await asyncio.to_thread(self.site.log.events, self.call_id)
                found = [e for e in events if e.type == event_type and payload.items() <= e.payload.items()]
                await asyncio.sleep(0.05)  # the log is another process' file: nothing tells that it grew
        return found[count - 1]

    async def until_said(self, words: str, *, speaker: str = "agent_a") -> LoggedEvent:
        """Wait until this was said."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for event in await asyncio.to_thread(self.site.log.events, self.call_id):
                    spoken = event.type == "turn_spoken" and event.payload["speaker"] == speaker
                    if spoken and words.lower() in event.payload["text"].lower():
                        return event
                await asyncio.sleep(0.05)

    async def ask_for_billing(self) -> None:
        """Type what makes Agent A offer Ben, and agree."""
        await self.until_said("how can i help")
        await self.type("My name is Susan Clark, I was charged twice, my account number is 445566.")
        await self.until("transfer_offered")
        await self.until_said("ben")
        await self.type("Yes, please.")
        await self.until("transfer_requested")

    def events(self) -> list[LoggedEvent]:
        """All events of the call so far."""
        return self.site.log.events(self.call_id)

    def types(self) -> list[str]:
        """The types of all events so far, in order."""
        return [event.type for event in self.events()]

    async def rooms_left(self) -> list[str]:
        """This call's caller room and every consult or final room that was made since; one call at a time."""
        # Consult and final rooms of a transfer that ended early are in no event: all of them count.
        made = await self.rooms.names() - self.rooms_before
        return sorted(name for name in made if name == self.room or name.startswith(TRANSFERS))

    async def roles_in(self, room: str) -> list[str]:
        """Who is in a room by the server's word, sorted: "caller", "agent_a", "agent_b_billing"."""
        return sorted(identity.split("-")[0] for identity in await self.rooms.people(room))

    def processes_left(self) -> list[int]:
        """Job processes of this call that still live."""
        pids = {int(event.payload["pid"]) for event in self.events() if event.type == "job_started"}
        return sorted(pid for pid in pids if is_alive(pid))

    async def until_nothing_is_left(self) -> None:
        """Wait until rooms and processes are gone."""
        left: tuple[list[str], list[int]] = ([], [])
        try:
            async with asyncio.timeout(LEFT_S):
                while any(left := (await self.rooms_left(), self.processes_left())):  # noqa: ASYNC110 - polled
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"left after {LEFT_S:.0f} s: rooms {left[0]}, processes {left[1]}") from None


@asynccontextmanager
async def running_site(
    livekit: LiveKit, folder: Path, *, entry: tuple[str, ...] = ("worker.py",), **settings: str
) -> AsyncIterator[Site]:
    """A worker with these settings (environment names) on the test's server."""
    agent_name = settings.get("AGENT_NAME", f"test-{secrets.token_hex(4)}")
    log_url = settings.get("CALL_LOG_URL", f"sqlite:///{folder}/calls.sqlite3")
    environment = {
        **os.environ,
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.api_key,
        "LIVEKIT_API_SECRET": livekit.api_secret,
        "AGENT_NAME": agent_name,
        "CALL_LOG_URL": log_url,
        "UNWRITTEN_DIR": str(folder / "unwritten"),
        "LLM_PROVIDER": "local",
        "STT_PROVIDER": "local",
        "TTS_PROVIDER": "local",
        **settings,
    }
    async with AsyncExitStack() as stack:
        log = stack.enter_context(CallLog(log_url))
        worker = await stack.enter_async_context(
            WorkerProcess(log_file=folder / "worker.log", environment=environment, arguments=(*entry, "start"))
        )
        yield Site(access=livekit.access, agent_name=agent_name, log=log, worker=worker)
