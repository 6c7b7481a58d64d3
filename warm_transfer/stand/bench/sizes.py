"""How long the bench's providers take: no time at all, or as long as published medians say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Seconds that the caller waits for each kind of provider."""

    first_token_s: float
    """Of a language model; all further tokens come with it."""
    first_sound_s: float
    """Of a voice, from its text; all further sound comes with it."""
    final_words_s: float
    """Of a recognizer, from the end of speech. It has to hear some silence, so it is never 0."""


INSTANT = Sizes(first_token_s=0.0, first_sound_s=0.0, final_words_s=0.1)
REAL = Sizes(first_token_s=0.683, first_sound_s=0.313, final_words_s=0.247)

REAL_SOURCES = (
    "language model 683 ms to the first token: gpt-4.1, median of 300 turns, kwindla/aiewf-eval (aiwf_medium_context)",
    "voice 313 ms to the first sound: Deepgram Aura-2, median, Coval TTS benchmark, 2026-05-04",
    "recognizer 247 ms from end of speech to final words: Deepgram, median of 1000, pipecat-ai/stt-benchmark",
)
