"""What the caller hears from Agent A's side around a transfer: hold phrase, music, the way back."""

import asyncio
import logging
from collections.abc import Callable

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession

from agents.hold_music import QUEUE_MS, HoldMusic
from agents.phrase_book import PhraseBook
from warm_transfer.transfer.terms import Disposition, Move
from warm_transfer.transfer.wire import DESK_PREFIX

logger = logging.getLogger(__name__)

UNDER_SPEECH_GAIN = 0.25
"""Music under a voice: 12 dB down, audible but never in the way of a word."""
DUCK_MS = 150
SOUND_FLOOR = 200
"""int16 peak of a frame above which somebody is speaking; Opus' comfort noise stays below 20."""
QUIET_S = 2.0
"""Who spoke a moment ago goes on, or gets an answer within that time: an update then would come in between."""

OVERLAP_S = 0.5
"""Agent B reaches the caller's ear later than ours: by the caller's jitter buffer, 0.4 s on busy cores (measured)."""
HANDOVER_TIMEOUT_S = 3.0
"""The session swaps its agent when the tool's reply is done: within 0.1 s."""


class SessionCallerLine:
    """Implements the CallerLine port on Agent A's session in the caller room."""

    def __init__(
        self,
        *,
        session: AgentSession[None],
        room: rtc.Room,
        caller_identity: str,
        book: PhraseBook,
        return_agent: Callable[[Disposition], Agent],
        part_timeout_s: float,
        has_keys: bool,
    ) -> None:
        """`has_keys`: the caller is on a phone, and is told what its keys do."""
        self._session = session
        self._room = room
        self._caller_identity = caller_identity
        self._book = book
        self._return_agent = return_agent
        self._part_timeout_s = part_timeout_s
        self._first_update = "waiting_keys" if has_keys else "waiting"
        self._last_talk_at = 0.0
        """Loop time of the last change in who speaks."""
        self._music: HoldMusic | None = None
        self._caller_gone = asyncio.Event()
        self._held = asyncio.Event()
        self._update = self._first_update
        """The phrase of the next update."""
        self.is_deaf = False
        """Nothing that the caller types is taken either."""
        room.on("participant_disconnected", self._note_leave)
        session.on("agent_state_changed", self._duck)
        session.on("user_state_changed", self._duck)

    def note_held(self) -> None:
        """OnHold has the session: the hold phrase can be said."""
        self._held.set()

    async def hold(self) -> None:
        """Music at once, low under the hold phrase; `_duck` raises it when the phrase is over."""
        self._update = self._first_update
        self._music = HoldMusic()
        await self._music.publish(self._room)
        await self._music.play(UNDER_SPEECH_GAIN)
        await self._until_handed_over()  # the session refuses speech while it swaps its agent
        await self._book.say(self._session, "hold", allow_interruptions=False)

    async def tell_waiting(self) -> None:
        """Lower the music, let that be heard, then say the update; not while, or just after, somebody speaks."""
        if self._is_talk_near():
            return
        if self._music is not None:
            self._music.set_gain(UNDER_SPEECH_GAIN, fade_ms=DUCK_MS)
        await asyncio.sleep((QUEUE_MS + DUCK_MS) / 1000)
        if self._is_talk_near():
            self._lower_or_raise()
            return
        update, self._update = self._update, "waiting"  # what the keys do is said once
        await self._book.say(self._session, update)

    def answer_key(self, phrase: str) -> None:
        """Say a phrase to the held caller who pressed a key; it cuts off what may be cut off."""
        try:
            speech = self._session.current_speech
            if speech is not None and speech.allow_interruptions:
                self._session.interrupt()
            self._book.say(self._session, phrase)
        except RuntimeError:  # the session swaps its agent, who is about to speak
            logger.info("key not answered")

    async def take_back(self, disposition: Disposition) -> None:
        """Stop the music; Agent A comes back with the phrase for this disposition."""
        await self._until_handed_over()  # else OnHold would come after Agent A, and stay
        self._held.clear()
        await self._stop_music()
        self.is_deaf = False
        self._session.input.set_audio_enabled(True)
        self._session.update_agent(self._return_agent(disposition))

    async def close_ears(self) -> None:
        """Take nothing from the caller any more, by voice or text."""
        self.is_deaf = True
        self._session.input.set_audio_enabled(False)

    async def part(self, move: Move) -> None:
        """Keep the music until the caller is gone or, in the caller's own room, until Agent B is heard."""
        try:
            async with asyncio.timeout(self._part_timeout_s):
                if move.has_final_room:
                    await self._caller_gone.wait()
                else:
                    await self._first_sound_of_target()
                    await asyncio.sleep(OVERLAP_S)
        except TimeoutError:
            logger.warning("parted without a sign", extra={"move": move.value})
        await self._stop_music()

    async def aclose(self) -> None:
        """Leave nothing playing and no handler behind."""
        self._room.off("participant_disconnected", self._note_leave)
        self._session.off("agent_state_changed", self._duck)
        self._session.off("user_state_changed", self._duck)
        await self._stop_music()

    async def _until_handed_over(self) -> None:
        """Wait until OnHold has the session; a model that is interrupted while it transfers never hands it over."""
        try:
            async with asyncio.timeout(HANDOVER_TIMEOUT_S):
                await self._held.wait()
        except TimeoutError:
            logger.warning("the session was not handed over to OnHold")

    async def _first_sound_of_target(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            heard = asyncio.Event()

            async def listen(track: rtc.Track, floor: int) -> None:
                stream = rtc.AudioStream.from_track(track=track, sample_rate=48000, num_channels=1)
                try:
                    async for event in stream:
                        if np.abs(np.frombuffer(event.frame.data, np.int16)).max(initial=0) > floor:
                            heard.set()
                            return
                finally:
                    await stream.aclose()

            def subscribe(track: rtc.Track, _: object, participant: rtc.RemoteParticipant) -> None:
                is_agent = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
                is_person = participant.identity.startswith(DESK_PREFIX)
                # Any other guest's voice is not Agent B's.
                if track.kind == rtc.TrackKind.KIND_AUDIO and (is_agent or is_person):
                    # A person may wait for the caller to speak first: no music over an open line.
                    listeners.append(tasks.create_task(listen(track, -1 if is_person else SOUND_FLOOR)))

            listeners: list[asyncio.Task[None]] = []
            self._room.on("track_subscribed", subscribe)
            try:
                for participant in self._room.remote_participants.values():
                    for publication in participant.track_publications.values():
                        if publication.track is not None:
                            subscribe(publication.track, publication, participant)
                await heard.wait()
            finally:
                self._room.off("track_subscribed", subscribe)
                for listener in listeners:
                    listener.cancel()

    async def _stop_music(self) -> None:
        music, self._music = self._music, None
        if music is not None:
            await music.aclose()

    def _duck(self, _: object) -> None:
        """Lower the music from the caller's first word on: a change of gain is heard late, an answer comes at once."""
        self._last_talk_at = asyncio.get_running_loop().time()
        self._lower_or_raise()

    def _lower_or_raise(self) -> None:
        if self._music is not None:
            self._music.set_gain(UNDER_SPEECH_GAIN if self._is_talk() else 1.0, fade_ms=DUCK_MS)

    def _is_talk(self) -> bool:
        return self._session.user_state == "speaking" or self._session.agent_state in ("thinking", "speaking")

    def _is_talk_near(self) -> bool:
        quiet_s = asyncio.get_running_loop().time() - self._last_talk_at
        return self._is_talk() or self._session.current_speech is not None or quiet_s < QUIET_S

    def _note_leave(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._caller_identity:
            self._caller_gone.set()
