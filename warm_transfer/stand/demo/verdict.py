"""Whether a demo call did what it should: facts read from recordings and rooms. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from warm_transfer.stand.caller.downlink import RATE_HZ
from warm_transfer.stand.demo.evidence import Evidence, HeardTrack, Words, hold_phrase_span, part
from warm_transfer.stand.listening import Span, leak_ms, median_pitch_hz, silent_runs, utterances
from warm_transfer.transfer.understanding.spoken_numbers import digit_runs
from warm_transfer.transfer.understanding.wording import normalized

ALIKE = 0.7
"""Similarity from which words count as heard: "mario" is 0.8 of "maria", another greeting is below 0.5."""
OTHER_VOICE = 0.1
"""Pitches that differ by this share are two voices: local voices are 20 % from Agent A, one varies by 3 %."""
LONGEST_SILENCE_MS = 20.0
_MIN_CONSULT_MS = 1000.0  # an empty recording would leak nothing
_LEAK_LEAD_S = 0.5  # two jitter buffers differ by less


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact that was checked."""

    claim: str
    holds: bool
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The numbers of a call, all taken from recordings and rooms."""

    disposition: str
    """"completed" if the caller was with Agent B alone, "none" if nobody else came, else what the call log says.

    "failed" where the log claims a transfer that was not seen.
    """
    move: str | None
    """None: the caller was not moved."""
    move_gap_ms: float | None
    """The longest silence over one frame from the music's start to Agent B's first sound, 0 if none."""
    hold_ms: int | None
    """From the hold phrase or music, what is first, to Agent B's first sound; 0 if the caller was not held.

    None if Agent B never came.
    """
    consult_leak_ms: float


def measure(evidence: Evidence) -> Measures:
    """Take the numbers."""
    return Measures(
        disposition=_disposition(evidence),
        move=_move(evidence),
        move_gap_ms=_move_gap_ms(evidence),
        hold_ms=_hold_ms(evidence),
        consult_leak_ms=_consult_leak_ms(evidence),
    )


def judge(evidence: Evidence, words: Words, measures: Measures, phrases: Mapping[str, str]) -> list[Finding]:
    """Every fact of the scenario, in the order of the call; `phrases`: the fixed ones, by key."""
    findings = [greeted(evidence, words, phrases["greeting"])]
    if evidence.scenario.disposition == "none":
        findings.append(nobody_else_came(evidence))
    else:
        findings += [
            held(evidence, words, phrases["hold"]),
            music_played(evidence),
            no_silence(evidence),
            caller_moved(evidence),
            target_spoke(evidence),
            *target_knew(evidence, words),
            agent_a_left(evidence),
        ]
        if evidence.is_consult_spoken:
            findings.append(consult_was_private(evidence, measures))
    return [*findings, not_asked_again(evidence), ended_as_expected(evidence, measures), nothing_left(evidence)]


def greeted(evidence: Evidence, words: Words, phrase: str) -> Finding:
    """Agent A spoke first, and the recognizer understands the greeting."""
    spans = evidence.caller_spans
    spoke_first = bool(spans) and any(span.end_s <= spans[0].start_s for span in utterances(evidence.heard, RATE_HZ))
    alike = similarity(phrase, words.greeting)
    return Finding(
        claim="Agent A greeted first",
        holds=spoke_first and alike >= ALIKE,
        measured=f"{alike:.2f} like the greeting: {words.greeting!r}",
    )


def nobody_else_came(evidence: Evidence) -> Finding:
    """No second voice was heard and no second room or participant seen."""
    others = {
        who
        for seen in evidence.rooms_seen
        for people in seen.people.values()
        for who in people
        if who not in {evidence.caller_identity, evidence.agent_a}
    }
    rooms = {room for seen in evidence.rooms_seen for room in seen.people} - {evidence.caller_room}
    return Finding(
        claim="Nobody was transferred",
        holds=evidence.target is None and not others and not rooms and evidence.consult_room is None,
        measured=f"{len(others)} other participants, {len(rooms)} other rooms",
    )


def held(evidence: Evidence, words: Words, phrase: str) -> Finding:
    """The hold phrase was heard, unless Agent B was quicker than HOLD_AFTER_MS."""
    alike = similarity(phrase, words.hold)
    return Finding(
        claim="The caller heard the hold phrase",
        holds=alike >= ALIKE or not _must_hold(evidence),
        measured=f"{alike:.2f} like it: {words.hold!r}",
    )


def music_played(evidence: Evidence) -> Finding:
    """Music played, unless Agent B was quicker than HOLD_AFTER_MS."""
    start_s, target = evidence.music_start_s, evidence.target
    played = start_s is not None and (target is None or start_s < target.first_sound_s)
    return Finding(
        claim="The caller heard music while held",
        holds=played or not _must_hold(evidence),
        measured="none" if start_s is None else f"from {start_s:.2f} s",
    )


def no_silence(evidence: Evidence) -> Finding:
    """The caller's downlink was never silent from the music's start to Agent B's first sound."""
    limit_ms = LONGEST_SILENCE_MS if evidence.music_start_s is not None else evidence.hold_after_ms
    claim = f"No silence over {limit_ms:.0f} ms until Agent B's first sound"
    if evidence.target is None:
        return Finding(claim=claim, holds=False, measured="never heard Agent B")
    silence = _longest_silence(evidence, evidence.target)
    if silence is None:
        return Finding(claim=claim, holds=True, measured="none")
    before_s = evidence.target.first_sound_s - silence.start_s
    return Finding(
        claim=claim,
        holds=silence.length_ms <= limit_ms,
        measured=f"longest {silence.length_ms:.0f} ms, {before_s:.2f} s before it",
    )


def caller_moved(evidence: Evidence) -> Finding:
    """The caller was seen in the final room."""
    rooms = evidence.caller_rooms
    return Finding(
        claim="The caller was in the final room",
        holds=evidence.final_room is not None and evidence.final_room in rooms,
        measured=f"seen in {', '.join(sorted(_short(room) for room in rooms)) or 'no room'}",
    )


def target_spoke(evidence: Evidence) -> Finding:
    """A second participant spoke in the final room, with another voice than Agent A's."""
    claim = "Agent B spoke in the final room, with another voice"
    target = evidence.target
    if target is None:
        return Finding(claim=claim, holds=False, measured="no second voice")
    began_s = evidence.caller_spans[0].start_s if evidence.caller_spans else 0.0
    ours = median_pitch_hz(part(evidence.heard, 0.0, began_s), RATE_HZ)
    theirs = median_pitch_hz(part(evidence.heard, target.first_sound_s, _end_s(evidence)), RATE_HZ)
    is_other = min(ours, theirs) > 0 and max(ours, theirs) / min(ours, theirs) >= 1 + OTHER_VOICE
    return Finding(
        claim=claim,
        holds=is_other and target.room == evidence.final_room,
        measured=f"{theirs:.0f} Hz against Agent A's {ours:.0f} Hz, in {_short(target.room)}",
    )


def target_knew(evidence: Evidence, words: Words) -> list[Finding]:
    """Agent B greeted by name and mentioned the account number, as far as the scenario gives them."""
    findings = []
    if name := evidence.scenario.facts.get("caller_name"):
        alike = max(similarity(part_of_name, words.target_greeting) for part_of_name in [name, *name.split()])
        findings.append(
            Finding(
                claim="Agent B greeted by name",
                holds=alike >= ALIKE,
                measured=f"{alike:.2f} like {name}: {words.target_greeting!r}",
            )
        )
    if number := evidence.scenario.facts.get("account_number"):
        digits = [run.digits for run in digit_runs(words.target)]
        findings.append(
            Finding(
                claim="Agent B knew the account number",
                holds=number in digits,
                measured=f"heard {', '.join(digits) or 'no digits'}",
            )
        )
    return findings


def agent_a_left(evidence: Evidence) -> Finding:
    """After the move, while the caller was still with Agent B, Agent A was in no room any more."""
    agent_a, target = evidence.agent_a, evidence.target
    after = [
        seen
        for seen in evidence.rooms_seen
        if target is not None
        and seen.at_s > target.first_sound_s
        and {evidence.caller_identity, target.identity} <= seen.people.get(evidence.final_room or "", set())
    ]
    gone = agent_a is not None and bool(after) and not after[-1].rooms_of(agent_a)
    since = next((seen.at_s for seen in after if agent_a and not seen.rooms_of(agent_a)), None)
    late = "" if since is None or target is None else f" {since - target.first_sound_s:.1f} s after"
    return Finding(
        claim="Agent A was gone after the move",
        holds=gone,
        measured=f"in no room{late}" if gone else "still there, or the move was never seen",
    )


def consult_was_private(evidence: Evidence, measures: Measures) -> Finding:
    """The consult was spoken and recorded, and none of it reached the caller."""
    spoken_ms = sum(span.length_ms for span in utterances(evidence.consult, RATE_HZ))
    return Finding(
        claim="Nothing of the consult reached the caller",
        holds=spoken_ms >= _MIN_CONSULT_MS and measures.consult_leak_ms == 0,
        measured=f"{measures.consult_leak_ms:.0f} ms of {spoken_ms / 1000:.1f} s spoken",
    )


def not_asked_again(evidence: Evidence) -> Finding:
    """No agent asked for what the caller had told."""
    return Finding(
        claim="The caller was asked nothing twice",
        holds=evidence.asked_again == 0,
        measured=f"{evidence.asked_again} times",
    )


def ended_as_expected(evidence: Evidence, measures: Measures) -> Finding:
    """The transfer ended as the scenario says, and the call log agrees."""
    return Finding(
        claim=f"Disposition {evidence.scenario.disposition}",
        holds={measures.disposition, evidence.logged_disposition} == {evidence.scenario.disposition},
        measured=f"{measures.disposition}; the call log says {evidence.logged_disposition}",
    )


def nothing_left(evidence: Evidence) -> Finding:
    """Rooms, participants and job processes are gone; there were jobs at all."""
    left = evidence.left_over
    wanted = 1 if evidence.scenario.disposition == "none" else 2
    return Finding(
        claim="Nothing was left 3 s after the end",
        holds=left.is_nothing and evidence.job_count >= wanted,
        measured=(
            f"{len(left.rooms)} rooms, {len(left.participants)} participants, {len(left.job_processes)} of "
            f"{evidence.job_count} job processes after {left.seen_after_ms} ms"
        ),
    )


def similarity(phrase: str, text: str) -> float:
    """How much of `phrase` is in `text`: the best match among runs of about as many words, 0 to 1."""
    wanted, words = normalized(phrase).split(), normalized(text).split()
    joined = " ".join(wanted)
    runs = (
        " ".join(words[begin : begin + length])
        for length in range(max(len(wanted) - 1, 1), len(wanted) + 3)
        for begin in range(max(len(words) - length, 0) + 1)
    )
    return max((SequenceMatcher(None, joined, run, autojunk=False).ratio() for run in runs), default=0.0)


def _must_hold(evidence: Evidence) -> bool:
    """Whether the wait for Agent B, from the consult room on, was longer than HOLD_AFTER_MS."""
    if evidence.target is None or evidence.consult_seen_s is None:
        return True
    return (evidence.target.first_sound_s - evidence.consult_seen_s) * 1000 > evidence.hold_after_ms


def _disposition(evidence: Evidence) -> str:
    if nobody_else_came(evidence).holds:
        return "none"
    target = evidence.target
    is_heard = target is not None and target.room == evidence.final_room
    if is_heard and caller_moved(evidence).holds and agent_a_left(evidence).holds:
        return "completed"
    return "failed" if evidence.logged_disposition == "completed" else evidence.logged_disposition


def _move(evidence: Evidence) -> str | None:
    if evidence.target is None or not caller_moved(evidence).holds:
        return None
    return "join_caller_room" if evidence.final_room == evidence.caller_room else "client_move"


def _move_gap_ms(evidence: Evidence) -> float | None:
    if evidence.target is None:
        return None
    silence = _longest_silence(evidence, evidence.target)
    return round(silence.length_ms, 1) if silence else 0.0


def _longest_silence(evidence: Evidence, target: HeardTrack) -> Span | None:
    start_s = evidence.music_start_s
    if start_s is None or start_s > target.first_sound_s:
        start_s = evidence.consent_end_s or 0.0
    window = part(evidence.heard, start_s, target.first_sound_s)
    runs = silent_runs(window, RATE_HZ, longer_than_ms=LONGEST_SILENCE_MS)
    longest = max(runs, key=lambda run: run.length_ms, default=None)
    return longest and Span(start_s=start_s + longest.start_s, end_s=start_s + longest.end_s)


def _hold_ms(evidence: Evidence) -> int | None:
    if evidence.target is None:
        return 0 if evidence.music_start_s is None else None
    phrase = hold_phrase_span(evidence)
    starts = [evidence.music_start_s, phrase.start_s if phrase else None]
    began_s = min((start for start in starts if start is not None), default=evidence.target.first_sound_s)
    return max(round((evidence.target.first_sound_s - began_s) * 1000), 0)


def _consult_leak_ms(evidence: Evidence) -> float:
    """A leak can't be heard before it is said: what Agent A read back to the caller before is none."""
    spans = utterances(evidence.consult, RATE_HZ)
    if not spans:
        return 0.0
    start_s = spans[0].start_s - _LEAK_LEAD_S
    private = part(evidence.consult, start_s, len(evidence.consult) / RATE_HZ)
    return round(leak_ms(private, part(evidence.heard, start_s, _end_s(evidence)), RATE_HZ), 1)


def _end_s(evidence: Evidence) -> float:
    return len(evidence.heard) / RATE_HZ


def _short(room: str) -> str:
    return room[:12]
