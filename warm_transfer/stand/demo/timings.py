"""How long the caller waited, by the recordings alone."""

from statistics import median

from warm_transfer.stand.caller.downlink import RATE_HZ
from warm_transfer.stand.demo.evidence import Evidence, hold_phrase_span
from warm_transfer.stand.demo.verdict import Measures
from warm_transfer.stand.listening import utterances


def timings(evidence: Evidence, measures: Measures) -> list[tuple[str, int]]:
    """What was waited for and how many ms, in the order of the call; what did not happen is left out."""
    target_s = evidence.target.first_sound_s if evidence.target else None
    phrase, consent_s = hold_phrase_span(evidence), evidence.consent_end_s
    rows: list[tuple[str, float | None]] = [
        ("joining, Agent A's first word", _first_word_s(evidence)),
        ("caller's last word, agent's answer (median)", _answer_s(evidence)),
        ("consent, hold phrase", phrase.start_s - consent_s if phrase and consent_s is not None else None),
        ("hold, Agent B's first word", measures.hold_ms / 1000 if measures.hold_ms is not None else None),
        ("consent, Agent B's first word", target_s - consent_s if target_s and consent_s is not None else None),
        ("hang-up, nothing left", evidence.left_over.seen_after_ms / 1000),
        ("the whole call", len(evidence.said) / RATE_HZ),
    ]
    return [(name, round(seconds * 1000)) for name, seconds in rows if seconds is not None]


def _first_word_s(evidence: Evidence) -> float | None:
    return evidence.tracks[0].first_sound_s if evidence.tracks else None


def _answer_s(evidence: Evidence) -> float | None:
    """Median time from the end of the caller's words to the next sound, music not counted."""
    music_s = evidence.music_start_s
    heard = [span.start_s for span in utterances(evidence.heard, RATE_HZ)]
    waits = [
        min(start for start in heard if start >= span.end_s) - span.end_s
        for span in evidence.caller_spans
        if any(start >= span.end_s for start in heard) and (music_s is None or span.end_s < music_s - 5)
    ]
    return median(waits) if waits else None
