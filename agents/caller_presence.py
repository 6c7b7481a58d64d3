"""Whether the caller can be heard in a room, is away for a moment, or gone: as events, never polled."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from livekit import rtc

from agents.ears import hear_again
from agents.own_connection import is_lost
from warm_transfer.transfer.wire import AHEAD_TRACK, END_METHOD

LEFT_ROOM = "the caller left the room"
LOST = "the caller's connection was lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraceTimes:
    """How long somebody who is away is awaited, in seconds."""

    rejoin_s: float
    """After a clean leave: a page that is loaded again."""
    lost_s: float
    """After a lost connection. LiveKit itself takes 20 s to tell of one."""

    def after(self, participant: rtc.RemoteParticipant) -> float:
        """For this participant, who has just left; a phone that hangs up does not come back."""
        if participant.disconnect_reason != rtc.DisconnectReason.CLIENT_INITIATED:
            return self.lost_s
        is_phone = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        return 0.0 if is_phone else self.rejoin_s


class CallerPresence:
    """Watches one identity in one room, from now until `close()`.

    `on_away` gets why the caller is not there; then comes `on_return` in time, or `gone`. A hang-up by the client's own
    end button (RPC `wt.end`) and the end of the room are `gone` at once. Our own lost connection tells nothing of the
    caller.
    """

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        grace: GraceTimes,
        *,
        on_away: Callable[[str], object] = lambda _: None,
        on_return: Callable[[], None] = lambda: None,
        on_gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._room = room
        self._identity = identity
        self._grace = grace
        self._on_away = on_away
        self._on_return = on_return
        self._on_gone = on_gone
        self._waiting: asyncio.TimerHandle | None = None
        """Runs while the caller is away."""
        self.heard = asyncio.Event()
        """The caller's microphone is subscribed here and not just ahead, or the caller types and has none."""
        self.gone = asyncio.Event()
        self.why = ""
        """Why the caller is gone."""
        room.on("track_subscribed", self._note_track)
        room.on("track_unmuted", self._note_unmuted)
        room.on("participant_connected", self._note_return)
        room.on("participant_disconnected", self._note_leave)
        room.on("disconnected", self._note_end)
        room.local_participant.register_rpc_method(END_METHOD, self._hang_up)
        caller = room.remote_participants.get(identity)
        for publication in caller.track_publications.values() if caller else ():
            if publication.track is not None:
                self._note_track(publication.track, publication, caller)

    def expect(self) -> None:
        """Await a caller who left before we came, if they are not here; how they left, nobody can tell."""
        if self._identity not in self._room.remote_participants:
            self._leave(LOST, self._grace.lost_s)

    def subscribe(self) -> None:
        """Begin to hear the caller in a room that was joined deaf."""
        hear_again(self._room, self._identity)
        self._room.on("track_published", self._subscribe_to)
        caller = self._room.remote_participants.get(self._identity)
        if caller is None:
            self._leave(LEFT_ROOM, self._grace.rejoin_s)
            return
        for publication in caller.track_publications.values():
            self._subscribe_to(publication, caller)
        if not any(one.kind == rtc.TrackKind.KIND_AUDIO for one in caller.track_publications.values()):
            self.heard.set()

    def admit(self) -> None:
        """Begin to hear a caller who comes, or is ahead, in a room that was joined deaf."""
        hear_again(self._room, self._identity)
        self._room.on("track_published", self._subscribe_to)
        caller = self._room.remote_participants.get(self._identity)
        if caller is not None:
            for publication in caller.track_publications.values():
                self._subscribe_to(publication, caller)

    @property
    def is_there(self) -> bool:
        """Whether the caller is in the room, be it only ahead."""
        return self._identity in self._room.remote_participants

    def close(self) -> None:
        """Leave no handler and no timer behind."""
        self._stop_waiting()
        self._room.off("track_subscribed", self._note_track)
        self._room.off("track_unmuted", self._note_unmuted)
        self._room.off("track_published", self._subscribe_to)
        self._room.off("participant_connected", self._note_return)
        self._room.off("participant_disconnected", self._note_leave)
        self._room.off("disconnected", self._note_end)
        self._room.local_participant.unregister_rpc_method(END_METHOD)

    def end(self, why: str) -> None:
        """Take the caller for gone, for this reason."""
        self._stop_waiting()
        if not self.gone.is_set():
            self.why = why
            self.gone.set()
            self._on_gone(why)

    def _subscribe_to(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(True)

    def _note_track(
        self, track: rtc.Track, publication: rtc.TrackPublication, participant: rtc.RemoteParticipant | None
    ) -> None:
        is_callers = participant is not None and participant.identity == self._identity
        is_ahead = publication.name == AHEAD_TRACK and publication.muted
        if is_callers and track.kind == rtc.TrackKind.KIND_AUDIO and not is_ahead:
            self.heard.set()

    def _note_unmuted(self, participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if publication.track is not None and isinstance(participant, rtc.RemoteParticipant):
            self._note_track(publication.track, publication, participant)

    def _note_leave(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity:
            is_clean = participant.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED
            self._leave(LEFT_ROOM if is_clean else LOST, self._grace.after(participant))

    def _leave(self, why: str, grace_s: float) -> None:
        if self.gone.is_set():
            return
        self._stop_waiting()
        self._on_away(why)
        self._waiting = asyncio.get_running_loop().call_later(grace_s, self.end, why)

    def _note_return(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and self._waiting is not None:
            self._stop_waiting()
            self._on_return()

    async def _hang_up(self, call: rtc.RpcInvocationData) -> str:
        if call.caller_identity != self._identity:
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, "not the caller of this call")
        self.end("the caller hung up")
        return ""

    def _note_end(self, reason: object) -> None:
        if not is_lost(reason):
            self.end("the room is gone")

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
