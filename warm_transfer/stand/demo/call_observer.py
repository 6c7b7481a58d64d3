"""Follows one call by its log, its rooms and the caller's client; shows and remembers what it learns."""

import asyncio
from collections.abc import Callable

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import fold, step
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.stand.caller.caller import Caller, Moment
from warm_transfer.stand.caller.conversation import Spoken
from warm_transfer.stand.caller.downlink import RATE_HZ
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK
from warm_transfer.stand.demo.live_view import CallView, seated, show_event, words_of_event, words_of_moment
from warm_transfer.stand.demo.room_watch import RoomsSeen
from warm_transfer.stand.demo.run_folder import Source, TimelineEntry
from warm_transfer.transfer.terms import Disposition

_LOG_POLL_S = 0.1  # the hidden listener must be in before the briefing begins
_SHOW_S = 0.2
_SILENT_S = 0.3  # shorter is a pause between words


class CallObserver:
    """What is known of a call while it runs."""

    def __init__(self, log: CallLog, call_id: str, caller_identity: str, view: CallView) -> None:
        self.timeline: list[TimelineEntry] = []
        self.faults: list[str] = []
        """Why the call can't be judged as it should, each a sentence's end."""
        self.on_rooms: Callable[[str, str], None] = lambda consult_room, final_room: None
        """Called with the names of consult and final room as soon as they exist."""
        self.snapshot: CallSnapshot | None = None
        """The call as its log tells it, None before its first event."""
        self._log = log
        self._call_id = call_id
        self._caller_identity = caller_identity
        self._view = view
        self._last_seq = 0
        self._began_at = 0.0

    @property
    def job_pids(self) -> tuple[int, ...]:
        """Of every agent job of the call."""
        return tuple(agent.pid for agent in self.snapshot.agents if agent.pid) if self.snapshot else ()

    @property
    def disposition(self) -> str:
        """Of the last transfer that has one, "none" without."""
        transfers = self.snapshot.transfers if self.snapshot else ()
        ended = [one.disposition for one in transfers if one.disposition]
        return ended[-1] if ended else Disposition.NONE.value

    async def follow(self, began_at: float) -> None:
        """Read the call log until cancelled; `began_at`: seconds since the epoch at the recordings' start."""
        self._began_at = began_at
        while True:
            await self.read_log()
            await asyncio.sleep(_LOG_POLL_S)

    async def read_log(self) -> None:
        """Take what was written since."""
        try:
            events = await asyncio.to_thread(self._log.events, self._call_id, self._last_seq)
        except LogUnavailableError:
            return  # it may work the next time; a log that never works fails every fact
        for event in events:
            if event.call_seq > self._last_seq:  # the last look may overlap with one that was under way
                self._take_event(event)

    async def show_hearing(self, caller: Caller) -> None:
        """Show what the caller hears until cancelled."""
        while True:
            self._view.hearing(round(caller.clock.now_s() * 1000), self._heard_by(caller))
            await asyncio.sleep(_SHOW_S)

    def take_moment(self, moment: Moment) -> None:
        """Take a moment of the caller's client."""
        at_ms = round(moment.at_s * 1000)
        self._note(at_ms, "caller", moment.name, moment.room, moment.text)
        if words := words_of_moment(moment):
            self._view.step(at_ms, words)

    def take_sight(self, seen: RoomsSeen) -> None:
        """Take a change in the rooms."""
        people = seated(seen.people, self._kind_of, self._name_of)
        details = "; ".join(f"{room}: {', '.join(names) or 'nobody'}" for room, names in people.items())
        at_ms = round(seen.at_s * 1000)
        self._note(at_ms, "rooms", "rooms_changed", details=details or "none")
        self._view.seats(at_ms, people)

    def take_spoken(self, spoken: Spoken) -> None:
        """Take what the caller's recognizer understood."""
        if spoken.speaker == "agent":
            self._note(round(spoken.start_s * 1000), "caller", "understood", spoken.room, spoken.text)

    def _heard_by(self, caller: Caller) -> str:
        if caller.silent_for_s > _SILENT_S:
            return "silence"
        since = caller.clock.now() - round(_SILENT_S * RATE_HZ)
        lanes = [lane for lane in caller.downlink.lanes if lane.end > since and not lane.is_muted]
        voices = [lane.identity for lane in lanes if lane.track_name != HOLD_MUSIC_TRACK]
        if len(voices) < len(lanes) and not caller.is_hearing:
            return "hold music"
        return self._name_of(voices[-1]) if voices else "a voice"

    def _take_event(self, event: LoggedEvent) -> None:
        self._last_seq = event.call_seq
        self.snapshot = step(self.snapshot, event) if self.snapshot else fold([event])
        at_ms = round((event.at - self._began_at) * 1000)
        room = str(event.payload.get("room", ""))
        words = words_of_event(event) or str(event.payload.get("text", ""))
        self._note(at_ms, "log", event.type, room, words)
        if event.type == CallEvent.CONSULT_OPENED:
            self.on_rooms(str(event.payload["consult_room"]), str(event.payload["final_room"]))
        show_event(self._view, event, at_ms, self._kind_of)

    def _note(self, at_ms: int, source: Source, name: str, room: str = "", details: str = "") -> None:
        entry = TimelineEntry(at_ms=at_ms, source=source, name=name, room=room, details=details)
        self.timeline.append(entry)

    def _kind_of(self, room: str) -> str:
        rooms = self.snapshot.rooms if self.snapshot else ()
        return next((one.kind for one in rooms if one.name == room), "caller room")

    def _name_of(self, identity: str) -> str:
        if identity == self._caller_identity:
            return "Caller"
        agents = self.snapshot.agents if self.snapshot else ()
        role = next((agent.role for agent in agents if agent.identity == identity), identity)
        return "Agent B" if role.startswith("agent_b") else "Agent A" if role.startswith("agent_a") else role
