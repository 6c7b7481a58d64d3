"""Every provider by name, in one place: a new one is one entry here (and its name in Settings)."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from livekit.agents import llm, stt, tts, vad
from livekit.plugins import deepgram, groq, openai, silero

from agents.cpu_priority import give_way
from agents.providers import local_stt, local_tts
from agents.providers.local_llm import LocalLLM
from agents.providers.timely_llm import TimelyLLM
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import SettingsError

LLMS: dict[str, Callable[[Settings], llm.LLM[Any]]] = {
    "local": lambda _: LocalLLM(),
    "openai": lambda s: openai.LLM(model=s.llm_model or "gpt-4.1-mini", api_key=s.api_key("openai")),
    "groq": lambda s: groq.LLM(model=s.llm_model or "llama-3.3-70b-versatile", api_key=s.api_key("groq")),
    "openrouter": lambda s: openai.LLM.with_openrouter(model=s.llm_model or "auto", api_key=s.api_key("openrouter")),
}

STTS: dict[str, Callable[[Settings], stt.STT[Any]]] = {
    "local": lambda _: local_stt.LocalSTT(),
    "deepgram": lambda s: deepgram.STT(model=s.stt_model or "nova-3", api_key=s.api_key("deepgram")),
    "groq": lambda s: groq.STT(model=s.stt_model or "whisper-large-v3-turbo", api_key=s.api_key("groq")),
    "openai": lambda s: openai.STT(model=s.stt_model or "gpt-4o-mini-transcribe", api_key=s.api_key("openai")),
}

TTSS: dict[str, Callable[[Settings, str], tts.TTS[Any]]] = {
    "local": lambda _, voice: local_tts.LocalTTS(voice=voice),
    "openai": lambda s, voice: openai.TTS(
        model=s.tts_model or "gpt-4o-mini-tts", voice=voice, api_key=s.api_key("openai")
    ),
    "deepgram": lambda s, voice: deepgram.TTS(model=s.tts_model or voice, api_key=s.api_key("deepgram")),
    "groq": lambda s, voice: groq.TTS(
        model=s.tts_model or "canopylabs/orpheus-v1-english", voice=voice, api_key=s.api_key("groq")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What an agent hears, thinks and speaks with."""

    ear: stt.STT[Any]
    mind: llm.LLM[Any]
    voice: tts.TTS[Any]
    vad: vad.VAD

    def streaming_ear(self) -> stt.STT[Any]:
        """The recognizer as a stream, also where the provider only takes whole utterances."""
        return self.ear if self.ear.capabilities.streaming else stt.StreamAdapter(stt=self.ear, vad=self.vad)


def build_models(settings: Settings, voice: Mapping[str, str], vad_model: vad.VAD) -> Models:
    """Make the models that the settings name, with one agent's voice.

    Raises:
        SettingsError: the agent has no voice for the chosen TTS provider.
    """
    if settings.tts_provider not in voice:
        raise SettingsError(f"TTS_PROVIDER={settings.tts_provider} has no voice in the roster: add it to `voice` there")
    return Models(
        ear=STTS[settings.stt_provider](settings),
        mind=TimelyLLM(LLMS[settings.llm_provider](settings), first_token_s=settings.first_token_s),
        voice=TTSS[settings.tts_provider](settings, voice[settings.tts_provider]),
        vad=vad_model,
    )


def load_local_models(settings: Settings) -> vad.VAD:
    """Load what runs in this process before a call needs it; returns the voice activity detector."""
    loads = [local_stt.load] if settings.stt_provider == "local" else []
    loads += [local_tts.load] if settings.tts_provider == "local" else []
    with ThreadPoolExecutor(max_workers=1, initializer=give_way) as loader:  # the models' own threads inherit it
        for done in [loader.submit(load) for load in loads]:
            done.result()
    return silero.VAD.load()
