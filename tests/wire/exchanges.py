"""One exchange with a model of each kind, over the real plugin."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, llm, stt, tts

from agents.house import AGENT_A_VOICE
from agents.providers import local_stt, local_tts
from agents.providers.catalog import build_llm, build_stt, build_tts, voice_name
from agents.providers.discreet_client import closing_client
from agents.roster import load_roster
from warm_transfer.settings import Settings

QUICK = APIConnectOptions(max_retry=0, timeout=1.0)
SAID = "The account number is four four five five six six."
PIECE_S = 0.05


async def think(mind: llm.LLM[Any], text: str = "Hello?", tools: list[llm.Tool] | None = None) -> llm.CollectedResponse:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content=f"# Specialists\n{load_roster().as_text()}")
    context.add_message(role="user", content=text)
    async with mind.chat(chat_ctx=context, tools=tools or [], conn_options=QUICK) as stream:
        return await stream.collect()


async def speak(voice: tts.TTS[Any], text: str = SAID) -> str:
    """What another recognizer understands of it."""
    if voice.capabilities.streaming:
        async with voice.stream(conn_options=QUICK) as stream:
            stream.push_text(text)
            stream.end_input()
            frames = [audio.frame async for audio in stream]
    else:
        async with voice.synthesize(text, conn_options=QUICK) as chunked:
            frames = [audio.frame async for audio in chunked]
    whole = rtc.combine_audio_frames(frames)
    samples = np.frombuffer(whole.data, np.int16)
    return await asyncio.to_thread(local_stt.transcribe, samples, whole.sample_rate)


async def hear(ear: stt.STT[Any], timeout_s: float = 20.0) -> str:
    """What it understands of SAID."""
    samples = await asyncio.to_thread(local_tts.synthesize, SAID, "caller")
    sound = rtc.AudioFrame(samples.tobytes(), local_tts.SAMPLE_RATE_HZ, 1, len(samples))
    if not ear.capabilities.streaming:
        event = await ear.recognize(sound, conn_options=QUICK)
        return event.alternatives[0].text
    async with asyncio.timeout(timeout_s), ear.stream(conn_options=QUICK) as stream:
        silence = np.zeros(local_tts.SAMPLE_RATE_HZ, np.int16)
        flat = np.concatenate([silence[:4800], samples, silence])
        feeding = asyncio.create_task(_feed(stream, flat))
        try:
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    return event.alternatives[0].text
        finally:
            feeding.cancel()
    return ""


async def _feed(stream: stt.RecognizeStream, samples: Any) -> None:
    step = int(local_tts.SAMPLE_RATE_HZ * PIECE_S)
    for at in range(0, len(samples) - step, step):
        stream.push_frame(rtc.AudioFrame(samples[at : at + step].tobytes(), local_tts.SAMPLE_RATE_HZ, 1, step))
        await asyncio.sleep(PIECE_S / 4)


@asynccontextmanager
async def opened_llm(settings: Settings, name: str) -> AsyncIterator[llm.LLM[Any]]:
    async with closing_client(build_llm(settings, name)) as mind:
        yield mind


def make(settings: Settings, kind: str, name: str) -> Callable[[], Any]:
    """One exchange of that kind with that provider; closes the model."""

    async def exchange() -> Any:
        match kind:
            case "llm":
                async with opened_llm(settings, name) as mind:
                    return (await think(mind)).text
            case "tts":
                async with closing_client(build_tts(settings, name, voice_name(AGENT_A_VOICE, name))) as voice:
                    return await speak(voice)
            case _:
                async with closing_client(build_stt(settings, name)) as ear:
                    return await hear(ear)

    return exchange


def now() -> float:
    return time.monotonic()
