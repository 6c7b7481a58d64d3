"""One scripted call on a running stand: placed, watched, recorded, and looked after until nothing is left."""

import asyncio
import functools
import secrets
from dataclasses import dataclass

from livekit import rtc

from warm_transfer.calls.log import CallLog
from warm_transfer.settings import Settings
from warm_transfer.stand.caller.caller import Caller
from warm_transfer.stand.caller.conversation import Conversation
from warm_transfer.stand.caller.downlink import mix
from warm_transfer.stand.caller.scenarios import Scenario, ScriptedCaller
from warm_transfer.stand.caller.speech_process import SPEECH_RATE_HZ, SpeechProcess
from warm_transfer.stand.demo.call_observer import CallObserver
from warm_transfer.stand.demo.consult_listener import ConsultListener
from warm_transfer.stand.demo.evidence import Evidence, heard_tracks
from warm_transfer.stand.demo.left_over import LeftOver, wait_until_gone
from warm_transfer.stand.demo.live_view import CallView
from warm_transfer.stand.demo.room_watch import RoomWatch
from warm_transfer.stand.demo.run_folder import RunFolder
from warm_transfer.transfer.errors import WarmTransferError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess, new_room_name
from warm_transfer.transfer.livekit_adapter.tokens import caller_token
from warm_transfer.transfer.wire import AgentAJob

CALL_TIMEOUT_S = 240.0
"""The longest scripted call takes 90 s on two busy cores."""
_EMPTY_TIMEOUT_S = 30.0  # the caller joins at once


class CallFailedError(WarmTransferError):
    """The scripted call could not be placed."""

    code = "call_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What runs while calls are placed."""

    settings: Settings
    access: ServerAccess
    log: CallLog
    speech: SpeechProcess
    owns_server: bool
    """Whether the LiveKit server was started for the demo, so that nobody else's calls are on it."""
    pages: str
    """URL of the control API, which serves the web pages."""


class DemoCall:
    """One call. `run` places it; everything that it opened is closed when that returns."""

    def __init__(self, stand: Stand, scenario: Scenario, folder: RunFolder, view: CallView, *, is_alone: bool) -> None:
        """`is_alone`: no other call is on the server, so that every room there is this call's."""
        self._stand = stand
        self._is_alone = is_alone
        self._scenario = scenario
        self._folder = folder
        self._call_id = secrets.token_hex(16)
        self._identity = f"caller-{secrets.token_hex(4)}"
        self._room = new_room_name("caller")
        self._script = ScriptedCaller(scenario)
        self._observer = CallObserver(stand.log, self._call_id, self._identity, view)
        token = caller_token(stand.access, room=self._room, identity=self._identity, can_move=True)
        self._caller = Caller(url=stand.access.url, token=token, on_moment=self._observer.take_moment)
        self._listener = ConsultListener(stand.access, self._caller.clock)
        self._conversation = Conversation(
            self._caller,
            self._script,
            speak=functools.partial(stand.speech.speak, voice=scenario.voice),
            speech_rate_hz=SPEECH_RATE_HZ,
            understand=stand.speech.understand,
            on_spoken=self._observer.take_spoken,
        )

    @property
    def faults(self) -> list[str]:
        """What went wrong in placing, holding or recording the call."""
        return self._observer.faults

    async def run(self) -> Evidence:
        """Hold the call and write its run folder; CallFailedError if it can't be placed."""
        await self._open_room()
        observer, access = self._observer, self._stand.access
        async with RoomWatch(access, self._caller.clock, observer.take_sight, is_alone=self._is_alone) as watch:
            watch.names.append(self._room)
            try:
                async with self._caller:
                    left_over = await self._converse(watch)
            except (rtc.ConnectError, TimeoutError) as error:
                raise CallFailedError(f"The caller could not join {access.url}.") from error
        return await asyncio.to_thread(self._collect, watch, left_over)

    async def _open_room(self) -> None:
        job = AgentAJob(call_id=self._call_id, caller_identity=self._identity)
        async with Rooms(self._stand.access) as rooms:
            await rooms.create(self._room, empty_timeout_s=_EMPTY_TIMEOUT_S)
            await rooms.dispatch(self._stand.settings.agent_name, self._room, job.model_dump_json())

    async def _converse(self, watch: RoomWatch) -> LeftOver:
        """Talk until somebody hangs up, with the watchers around; what is left 3 s later."""
        clock = self._caller.clock
        async with asyncio.TaskGroup() as tasks:

            def enter_rooms(consult_room: str, final_room: str) -> None:
                watch.names += [room for room in (consult_room, final_room) if room not in watch.names]
                watchers.append(tasks.create_task(self._listener.record(consult_room, self.faults.append)))

            self._observer.on_rooms = enter_rooms
            watchers = [
                tasks.create_task(self._observer.follow(clock.started_at)),
                tasks.create_task(self._observer.show_hearing(self._caller)),
                tasks.create_task(watch.run()),
            ]
            try:
                ended_at_s = await self._talk()
                await self._observer.read_log()
                left_over = await wait_until_gone(watch, self._observer.job_pids, clock, ended_at_s)
                await self._observer.read_log()
                return left_over
            finally:
                for watcher in watchers:
                    watcher.cancel()

    async def _talk(self) -> float:
        """Hold the conversation; when the caller's client signalled its end, in the recordings."""
        try:
            await self._conversation.run(CALL_TIMEOUT_S)
        except TimeoutError:
            self.faults.append(f"the call had no end after {CALL_TIMEOUT_S:.0f} s")
            await self._caller.hang_up()
        return next(moment.at_s for moment in self._caller.moments if moment.name == "disconnected")

    def _collect(self, watch: RoomWatch, left_over: LeftOver) -> Evidence:
        """Write what was recorded and put together what the verdict reads."""
        observer, folder = self._observer, self._folder
        self._caller.save(folder.path)
        self._listener.save(folder.path)
        folder.write_timeline(observer.timeline)
        folder.write_call(observer.snapshot, self._conversation.transcript, began_at=self._caller.clock.started_at)
        return Evidence(
            scenario=self._scenario,
            caller_identity=self._identity,
            caller_room=self._room,
            heard=self._caller.downlink.mixed(),
            said=mix([self._caller.microphone.said]),
            consult=self._listener.recorded(),
            is_consult_spoken=self._stand.settings.consult_mode == "spoken",
            tracks=heard_tracks(self._caller.downlink),
            rooms_seen=tuple(watch.seen),
            asked_again=self._script.asked_again,
            logged_disposition=observer.disposition,
            left_over=left_over,
            job_count=len(observer.job_pids),
            hold_after_ms=self._stand.settings.hold_after_ms,
        )
