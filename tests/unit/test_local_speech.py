"""The local voices and the local recognizer, each against the other. Both are real: no network, no key."""

import asyncio
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, stt
from moonshine_voice.errors import MoonshineError

from agents.providers import local_stt, local_tts
from agents.providers.line_reader import Line, LineReader
from tests.pitch import median_pitch_hz

Samples = npt.NDArray[np.int16]
Kind = stt.SpeechEventType

FRAME = local_tts.SAMPLE_RATE_HZ // 20
SENTENCE = "I want a supervisor, and my account number is 90210."
NUMBER = "My account number is 90210."
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digits(text: str) -> str:
    words = re.sub(r"[^a-z0-9 ]", " ", text.lower()).split()
    return "".join(str(_WORDS.index(word)) if word in _WORDS else re.sub(r"\D", "", word) for word in words)


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower())


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * local_tts.SAMPLE_RATE_HZ), np.int16)


def resampled(samples: Samples, to_hz: int) -> Samples:
    resampler = rtc.AudioResampler(local_tts.SAMPLE_RATE_HZ, to_hz)
    frame = rtc.AudioFrame(samples.tobytes(), local_tts.SAMPLE_RATE_HZ, 1, len(samples))
    frames = [*resampler.push(frame), *resampler.flush()]
    return np.concatenate([np.frombuffer(part.data, np.int16) for part in frames])


def push(stream: stt.RecognizeStream, *parts: Samples) -> None:
    samples = np.concatenate(parts)
    for start in range(0, len(samples) - FRAME + 1, FRAME):
        chunk = samples[start : start + FRAME]
        stream.push_frame(rtc.AudioFrame(chunk.tobytes(), local_tts.SAMPLE_RATE_HZ, 1, FRAME))


async def events_until_final(stream: stt.RecognizeStream) -> list[stt.SpeechEvent]:
    events = []
    async for event in stream:
        events.append(event)
        if event.type is Kind.END_OF_SPEECH:
            break
    return events


def final_text(events: Sequence[stt.SpeechEvent]) -> str:
    return " ".join(event.alternatives[0].text for event in events if event.type is Kind.FINAL_TRANSCRIPT)


def recognizer_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("local-stt")]


def lines_of(reader: LineReader, samples: Samples) -> list[Line]:
    heard = resampled(samples, 16_000)
    chunks = [heard[start : start + 800] for start in range(0, len(heard), 800)]
    return [line for chunk in chunks for line in reader.read([chunk], False)]


@pytest.mark.parametrize("voice", local_tts.LOCAL_VOICES)
def test_recognizer_understands_words_and_digits_of_voice(voice: str) -> None:
    heard = local_stt.transcribe(local_tts.synthesize(SENTENCE, voice), local_tts.SAMPLE_RATE_HZ)
    assert {"want", "supervisor", "number"} <= set(plain(heard).split())
    assert digits(heard) == "90210"


def test_median_pitches_of_voices_differ_by_more_than_six_percent() -> None:
    pitches = {
        voice: median_pitch_hz(local_tts.synthesize(SENTENCE, voice), local_tts.SAMPLE_RATE_HZ)
        for voice in local_tts.LOCAL_VOICES
    }
    close = [pair for pair in combinations(pitches, 2) if 0.94 < pitches[pair[0]] / pitches[pair[1]] < 1.06]
    assert not close, pitches


def test_voices_are_equally_loud_and_unclipped_and_start_and_end_at_zero() -> None:
    for voice in local_tts.LOCAL_VOICES:
        samples = local_tts.synthesize(SENTENCE, voice) / 32_768
        active = samples[np.abs(samples) > 0.004]
        assert 0.085 < np.sqrt(np.mean(active**2)) < 0.105, voice
        assert np.abs(samples).max() < 0.95, voice
        assert np.abs(samples[[0, -1]]).max() < 0.001, voice


def test_same_text_gives_the_same_samples_from_two_threads() -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(local_tts.synthesize, ["One moment."] * 2, ["ada"] * 2)
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Account 445566.", "Account 4 4 5 5 6 6."),
        ("Code 0471", "Code 0 4 7 1"),
        ("$12500 on 05/03/2026 at 07:30", "$12500 on 05/03/2026 at 07:30"),
        ("Call 555-0142 in 2026 for 1,250.50", "Call 555-0142 in 2026 for 1,250.50"),
    ],
)
def test_only_digit_strings_are_spelled(text: str, spoken: str) -> None:
    assert local_tts._spell_numbers(text) == spoken


def test_unknown_voice_is_refused_and_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match=r"'nobody'; known: ada, ben"):
        local_tts.LocalTTS(voice="nobody")


@pytest.mark.parametrize("text", ["Hello there.", "..."])
async def test_tts_stream_yields_frames_at_its_rate_even_for_bare_punctuation(text: str) -> None:
    speech = local_tts.LocalTTS(voice="ada")
    async with speech.synthesize(text) as stream:
        frame = await stream.collect()
    assert (frame.sample_rate, frame.num_channels) == (speech.sample_rate, 1) == (24_000, 1)
    assert frame.duration > 0.2


def test_transcribe_takes_48_khz() -> None:
    samples = resampled(local_tts.synthesize(NUMBER, "caller"), 48_000)
    assert digits(local_stt.transcribe(samples, 48_000)) == "90210"


def test_transcribe_gives_nothing_for_silence_after_speech() -> None:
    local_stt.transcribe(local_tts.synthesize(NUMBER, "caller"), local_tts.SAMPLE_RATE_HZ)
    assert local_stt.transcribe(silence(1), local_tts.SAMPLE_RATE_HZ) == ""


async def test_recognize_takes_a_whole_utterance() -> None:
    samples = local_tts.synthesize(NUMBER, "caller")
    frame = rtc.AudioFrame(samples.tobytes(), local_tts.SAMPLE_RATE_HZ, 1, len(samples))
    event = await local_stt.LocalSTT().recognize(frame)
    assert digits(event.alternatives[0].text) == "90210"


def test_reader_gives_interims_then_one_final_within_half_a_second_of_silence() -> None:
    reader = LineReader(local_stt._model)
    speech = local_tts.synthesize(NUMBER, "caller")
    lines = lines_of(reader, np.concatenate([silence(0.3), speech, silence(0.3)]))
    reader.close()
    assert [line.is_final for line in lines].count(True) == 1
    assert lines[-1].is_final
    assert len(lines) >= 2
    assert digits(lines[-1].text) == "90210"


def test_reader_hears_the_word_right_after_a_final() -> None:
    reader = LineReader(local_stt._model)
    first, second = (local_tts.synthesize(text, "caller") for text in ("Yes please.", "Billing department."))
    lines = lines_of(reader, np.concatenate([first, silence(0.3), second, silence(0.3)]))
    reader.close()
    finals = [line for line in lines if line.is_final]
    assert [plain(line.text) for line in finals] == ["yes please", "billing department"]
    assert finals[0].end_s <= finals[1].start_s + 0.3


def test_words_before_a_flush_do_not_come_again_after_it() -> None:
    reader = LineReader(local_stt._model)
    lines_of(reader, local_tts.synthesize(NUMBER, "caller")[: -len(silence(0.25))])
    assert digits(reader.read([], True)[-1].text) == "90210"
    assert lines_of(reader, silence(1)) == []
    reader.close()


async def test_stream_gives_start_interims_final_and_end_in_order() -> None:
    async with local_stt.LocalSTT().stream() as stream:
        push(stream, silence(0.3), local_tts.synthesize(NUMBER, "caller"))
        push(stream, silence(0.5))
        events = await events_until_final(stream)
    kinds = [event.type for event in events]
    assert kinds[0] is Kind.START_OF_SPEECH
    assert kinds[-2:] == [Kind.FINAL_TRANSCRIPT, Kind.END_OF_SPEECH]
    assert set(kinds[1:-2]) <= {Kind.INTERIM_TRANSCRIPT}
    assert digits(final_text(events)) == "90210"


async def test_flush_makes_the_open_line_final_without_a_pause() -> None:
    async with local_stt.LocalSTT().stream() as stream:
        speech = local_tts.synthesize(NUMBER, "caller")
        push(stream, speech[: -len(silence(0.25))])
        stream.flush()
        events = await events_until_final(stream)
    assert digits(final_text(events)) == "90210"


async def test_line_becomes_final_when_frames_stop_coming() -> None:
    async with local_stt.LocalSTT().stream() as stream:
        push(stream, local_tts.synthesize("Yes please.", "caller")[: -len(silence(0.25))])
        events = await events_until_final(stream)
    assert "yes" in final_text(events).lower()


async def test_closed_stream_leaves_no_thread() -> None:
    stream = local_stt.LocalSTT().stream()
    push(stream, local_tts.synthesize(NUMBER, "caller"))
    await anext(stream)
    assert recognizer_threads()
    await stream.aclose()
    assert not recognizer_threads()


async def test_ended_input_gives_the_last_words_and_leaves_no_thread() -> None:
    async with local_stt.LocalSTT().stream() as stream:
        push(stream, local_tts.synthesize(NUMBER, "caller"))
        stream.end_input()
        events = [event async for event in stream]
        assert digits(final_text(events)) == "90210"
        assert not recognizer_threads()


async def test_stream_goes_on_after_the_model_failed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, failures = LineReader.read, [MoonshineError("broken")]

    def fail_once(reader: LineReader, chunks: Sequence[Samples], is_flushed: bool) -> list[Line]:
        if failures:
            raise failures.pop()
        return read(reader, chunks, is_flushed)

    monkeypatch.setattr(LineReader, "read", fail_once)
    failed = asyncio.Event()
    recognizer = local_stt.LocalSTT()
    recognizer.on("error", lambda error: failed.set() if error.recoverable else None)
    async with recognizer.stream(conn_options=APIConnectOptions(retry_interval=0.0)) as stream:
        push(stream, silence(0.1))
        await failed.wait()
        push(stream, local_tts.synthesize(NUMBER, "caller"), silence(0.3))
        assert digits(final_text(await events_until_final(stream))) == "90210"
