import numpy as np
import pytest

from agents.providers import local_tts
from warm_transfer.stand.caller.downlink import Samples
from warm_transfer.stand.listening import (
    leak_ms,
    level_dbfs,
    median_pitch_hz,
    silent_runs,
    tone_ms,
    utterances,
)

RATE_HZ = local_tts.SAMPLE_RATE_HZ * 2
SECRET = "She was charged twice on her last bill. The canary phrase is purple elephants dance on Tuesday."
PUBLIC = (
    "Thank you for calling. What can I do for you today? Please wait while I find somebody. "
    "We are open from nine to five on weekdays, and on Saturdays from ten to two."
)


def tone(hz: float, seconds: float, amplitude: float = 8000) -> Samples:
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def chords(seconds: float) -> Samples:
    """Music: a chord of five decaying tones with overtones, a new one every half second."""
    generator = np.random.default_rng(7)
    bars: list[Samples] = []
    for _ in range(int(seconds * 2)):
        pitches = 220 * 2 ** (generator.integers(0, 24, 5) / 12)
        partials = [tone(pitch * n, 0.5, 1200 / n) for pitch in pitches for n in (1, 2, 3)]
        bars.append((np.sum(partials, axis=0) * np.linspace(1, 0.4, RATE_HZ // 2)).astype(np.int16))
    return np.concatenate(bars)


def speech(text: str, voice: str = "ada") -> Samples:
    narrow = local_tts.synthesize(text, voice).astype(np.float64)
    at = np.arange(2 * len(narrow)) / 2
    wide: Samples = np.interp(at, np.arange(len(narrow)), narrow).astype(np.int16)
    return wide


def laid(length_s: float, *parts: tuple[float, Samples]) -> Samples:
    mixed = np.zeros(int(length_s * RATE_HZ))
    for at_s, samples in parts:
        begin = int(at_s * RATE_HZ)
        mixed[begin : begin + len(samples)] += samples[: len(mixed) - begin]
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def at_level(samples: Samples, dbfs: float) -> Samples:
    gain = float(10 ** ((dbfs - level_dbfs(samples)) / 20))
    louder: Samples = np.clip(samples * gain, -32768, 32767).astype(np.int16)
    return louder


@pytest.fixture(scope="module")
def secret() -> Samples:
    return speech(SECRET)


@pytest.fixture(scope="module")
def heard() -> Samples:
    """A call: the same voice says other words, then music plays."""
    return laid(30, (1, speech(PUBLIC)), (12, chords(18)))


def test_planted_hole_is_found_with_its_place_and_length() -> None:
    music = chords(3)
    music[RATE_HZ : RATE_HZ + RATE_HZ // 10] = 0
    (hole,) = silent_runs(music, RATE_HZ)
    assert hole.start_s == pytest.approx(1.0, abs=0.001)
    assert hole.length_ms == pytest.approx(100, abs=1)


def test_hole_with_codec_noise_in_it_is_found() -> None:
    music = chords(3)
    noise = np.random.default_rng(1).integers(-60, 60, RATE_HZ // 10)
    music[RATE_HZ : RATE_HZ + RATE_HZ // 10] = noise
    assert len(silent_runs(music, RATE_HZ)) == 1


def test_whole_music_has_no_silent_run() -> None:
    assert silent_runs(chords(3), RATE_HZ) == []


def test_hole_of_one_frame_is_tolerated() -> None:
    music = chords(2)
    music[RATE_HZ : RATE_HZ + RATE_HZ // 50] = 0
    assert [run for run in silent_runs(music, RATE_HZ) if run.length_ms > 21] == []


def test_utterances_are_found_with_their_pauses_bridged() -> None:
    recording = laid(6, (1.0, tone(200, 0.5)), (1.7, tone(200, 0.5)), (4.0, tone(200, 0.5)))
    spans = [(round(span.start_s, 1), round(span.end_s, 1)) for span in utterances(recording, RATE_HZ)]
    assert spans == [(1.0, 2.2), (4.0, 4.5)]


def test_other_words_of_the_same_voice_are_no_leak(secret: Samples, heard: Samples) -> None:
    assert leak_ms(secret, heard, RATE_HZ) == 0


def test_silence_is_no_leak(secret: Samples) -> None:
    assert leak_ms(secret, np.zeros(10 * RATE_HZ, np.int16), RATE_HZ) == 0
    assert leak_ms(np.zeros(10 * RATE_HZ, np.int16), secret, RATE_HZ) == 0


def test_leak_12_db_below_the_music_is_found(secret: Samples, heard: Samples) -> None:
    quiet = at_level(secret, level_dbfs(heard[14 * RATE_HZ :]) - 12)
    assert leak_ms(secret, laid(30, (0, heard), (15.0123, quiet)), RATE_HZ) > 2000


def test_leak_of_one_second_is_found(secret: Samples, heard: Samples) -> None:
    part = secret[RATE_HZ : 2 * RATE_HZ]
    quiet = at_level(part, level_dbfs(heard[14 * RATE_HZ :]) - 6)
    assert leak_ms(secret, laid(30, (0, heard), (20.0077, quiet)), RATE_HZ) >= 600


def test_pilot_tone_under_music_is_timed(heard: Samples) -> None:
    piloted = laid(30, (0, heard), (15, tone(7000, 2.0, 60)))
    assert tone_ms(piloted, RATE_HZ, 7000) == pytest.approx(2000, abs=150)


def test_recording_without_the_pilot_tone_has_none_of_it(heard: Samples) -> None:
    assert tone_ms(heard, RATE_HZ, 7000) == 0


def test_pilot_tone_of_another_pitch_is_not_counted() -> None:
    assert tone_ms(tone(7100, 2.0), RATE_HZ, 7000) == 0


def test_median_pitch_is_that_of_a_harmonic_tone() -> None:
    buzz = sum(tone(125 * n, 1.0, 6000 / n).astype(np.int32) for n in range(1, 9))
    assert median_pitch_hz(np.asarray(buzz, np.int16), RATE_HZ) == pytest.approx(125, abs=2)


def test_median_pitch_tells_two_voices_apart() -> None:
    low, high = speech("Good morning to you.", "ben"), speech("Good morning to you.", "tara")
    assert median_pitch_hz(high, RATE_HZ) > 1.2 * median_pitch_hz(low, RATE_HZ) > 0


def test_silence_has_no_pitch() -> None:
    assert median_pitch_hz(np.zeros(RATE_HZ, np.int16), RATE_HZ) == 0


@pytest.mark.parametrize(("amplitude", "dbfs"), [(32767, -3.0), (3277, -23.0)])
def test_level_of_a_sine_is_3_db_below_its_peak(amplitude: float, dbfs: float) -> None:
    assert level_dbfs(tone(1000, 1.0, amplitude)) == pytest.approx(dbfs, abs=0.1)


def test_level_of_silence_is_a_number() -> None:
    assert level_dbfs(np.zeros(100, np.int16)) == -120
