"""What a call left to judge it by: recordings of the caller's ears, and who was seen in which room."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from warm_transfer.stand.caller.downlink import RATE_HZ, Downlink, Samples, mix
from warm_transfer.stand.caller.ear import HOLD_MUSIC_TRACK, first_sound, is_sound
from warm_transfer.stand.caller.scenarios import Scenario
from warm_transfer.stand.demo.left_over import LeftOver
from warm_transfer.stand.demo.room_watch import RoomsSeen
from warm_transfer.stand.listening import Span, utterances

_PAD_S = 0.25  # a recognizer wants some silence around; less than the pause that ends an utterance

_OPENINGS_S = (2.0, 4.0)
"""Agent B says the name within them."""

Recognise = Callable[[Samples, int], str]
"""int16[n_samples] and a rate in Hz to text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTrack:
    """One remote track as it reached the caller's ears."""

    room: str
    identity: str
    name: str
    first_sound_s: float
    """Place of its first audible sample in the recordings."""
    audio: Samples
    """From the start of the call: int16[n_samples] at 48 kHz."""

    @property
    def is_music(self) -> bool:
        """Whether it is the hold music."""
        return self.name == HOLD_MUSIC_TRACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the verdict reads; all recordings are at 48 kHz and begin at the same instant."""

    scenario: Scenario
    caller_identity: str
    caller_room: str
    heard: Samples
    said: Samples
    consult: Samples
    is_consult_spoken: bool
    tracks: tuple[HeardTrack, ...]
    """Those that were ever audible, in order of their first sound."""
    rooms_seen: tuple[RoomsSeen, ...]
    asked_again: int
    logged_disposition: str
    """What the call log says; the rooms and the recordings are asked first."""
    left_over: LeftOver
    job_count: int
    """Agent jobs that took part."""
    hold_after_ms: int

    @property
    def agent_a(self) -> str | None:
        """Identity of the first voice that the caller heard."""
        return next((track.identity for track in self.tracks if not track.is_music), None)

    @property
    def target(self) -> HeardTrack | None:
        """The track of the first other voice, Agent B's."""
        voices = (track for track in self.tracks if not track.is_music)
        return next((track for track in voices if track.identity != self.agent_a), None)

    @property
    def music_start_s(self) -> float | None:
        """When the hold music began."""
        return next((track.first_sound_s for track in self.tracks if track.is_music), None)

    @property
    def consult_room(self) -> str | None:
        """The room that Agent A was seen in and the caller never."""
        rooms = {room for seen in self.rooms_seen for room in seen.rooms_of(self.agent_a or "")}
        return next(iter(sorted(rooms - self.caller_rooms - {self.caller_room})), None)

    @property
    def final_room(self) -> str | None:
        """Where the caller was with Agent B: another room, if ever seen in one, else its own if Agent B spoke there."""
        if others := self.caller_rooms - {self.caller_room}:
            return min(others)
        return self.caller_room if self.target and self.target.room == self.caller_room else None

    @property
    def caller_rooms(self) -> frozenset[str]:
        """Every room that the caller was seen in."""
        return frozenset(room for seen in self.rooms_seen for room in seen.rooms_of(self.caller_identity))

    @property
    def consult_seen_s(self) -> float | None:
        """When the consult room was first listed."""
        return next((seen.at_s for seen in self.rooms_seen if self.consult_room in seen.people), None)

    @property
    def caller_spans(self) -> list[Span]:
        """When the caller spoke."""
        return utterances(self.said, RATE_HZ)

    @property
    def consent_end_s(self) -> float | None:
        """End of the caller's last words before Agent B was heard."""
        limit_s = self.target.first_sound_s if self.target else 0.0
        return max((span.end_s for span in self.caller_spans if span.end_s < limit_s), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a recognizer makes of the recordings."""

    greeting: str
    """Heard before the caller spoke."""
    hold: str
    """Agent A's voice between the caller's consent and Agent B's first sound."""
    target_greeting: str
    """Heard from Agent B's first sound on, once per length: what follows can make another word of a name."""
    target: str
    """Heard from Agent B's first sound to the end."""


def recognise_words(evidence: Evidence, recognise: Recognise) -> Words:
    """Transcribe the parts of the call that the verdict asks about; CPU-bound."""
    spans = evidence.caller_spans
    began_s = spans[0].start_s if spans else _length_s(evidence.heard)
    greeting = _recognised(evidence.heard, 0.0, began_s, recognise)
    target = evidence.target
    if target is None:
        return Words(greeting=greeting, hold="", target_greeting="", target="")
    start_s, end_s = target.first_sound_s, _length_s(evidence.heard)
    answered_s = next((span.start_s for span in spans if span.start_s > start_s), end_s)
    first_words = _recognised(evidence.heard, start_s, answered_s, recognise)
    openings = [
        _recognised(evidence.heard, start_s, start_s + length_s, recognise)
        for length_s in _OPENINGS_S
        if start_s + length_s < answered_s
    ]
    later_words = _recognised(evidence.heard, answered_s, end_s, recognise)
    return Words(
        greeting=greeting,
        hold=_hold_words(evidence, start_s, recognise),
        target_greeting=" / ".join([*openings, first_words]),
        target=f"{first_words} {later_words}".strip(),
    )


def hold_phrase_span(evidence: Evidence) -> Span | None:
    """When Agent A spoke between the caller's consent and Agent B's first sound, None if not."""
    if evidence.target is None or evidence.consent_end_s is None:
        return None
    first, last = evidence.consent_end_s, evidence.target.first_sound_s
    spans = _spans_within(_voice(evidence, evidence.agent_a), first, last)
    return Span(start_s=spans[0].start_s, end_s=spans[-1].end_s) if spans else None


def heard_tracks(downlink: Downlink) -> tuple[HeardTrack, ...]:
    """Every track of the downlink that was audible, in order of its first sound."""
    tracks = []
    for lane in downlink.lanes:
        audio = mix([lane])
        if is_sound(audio):
            track = HeardTrack(
                room=lane.room,
                identity=lane.identity,
                name=lane.track_name,
                first_sound_s=first_sound(audio) / RATE_HZ,
                audio=audio,
            )
            tracks.append(track)
    return tuple(sorted(tracks, key=lambda track: track.first_sound_s))


def part(samples: Samples, start_s: float, end_s: float) -> Samples:
    """The recording between two places."""
    return samples[max(round(start_s * RATE_HZ), 0) : max(round(end_s * RATE_HZ), 0)]


def _hold_words(evidence: Evidence, until_s: float, recognise: Recognise) -> str:
    """From Agent A's track alone: the music plays under it."""
    since_s = evidence.consent_end_s or 0.0
    return _recognised(_voice(evidence, evidence.agent_a), since_s, until_s, recognise)


def _voice(evidence: Evidence, identity: str | None) -> Samples:
    """All that one participant's voice gave."""
    audios = [track.audio for track in evidence.tracks if track.identity == identity and not track.is_music]
    return max(audios, key=len, default=np.zeros(0, np.int16))


def _recognised(samples: Samples, start_s: float, end_s: float, recognise: Recognise) -> str:
    texts = [
        recognise(part(samples, span.start_s - _PAD_S, span.end_s + _PAD_S), RATE_HZ)
        for span in _spans_within(samples, start_s, end_s)
    ]
    return " ".join(text for text in texts if text)


def _spans_within(samples: Samples, start_s: float, end_s: float) -> list[Span]:
    """Where somebody speaks in that part, in places of the whole recording."""
    return [
        Span(start_s=start_s + span.start_s, end_s=start_s + span.end_s)
        for span in utterances(part(samples, start_s, end_s), RATE_HZ)
    ]


def _length_s(samples: Samples) -> float:
    return len(samples) / RATE_HZ
