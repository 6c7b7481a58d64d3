"""The models that the settings name, built from the entries of warm_transfer/providers.py."""

import functools
import importlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from livekit.agents import llm, stt, tts, vad
from livekit.plugins import silero

from agents.cpu_priority import give_way
from agents.providers import local_stt, local_tts
from agents.providers.chains import Failovers, llm_chain, stt_chain, tts_chain
from agents.providers.discreet_client import discreet_client
from agents.providers.timely_llm import TimelyLLM
from warm_transfer.providers import KINDS, LOCAL, PROVIDERS, Kind, offer
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What an agent hears, thinks and speaks with."""

    ear: stt.STT[Any]
    mind: llm.LLM[Any]
    voice: tts.TTS[Any]
    vad: vad.VAD
    failovers: Failovers = field(default_factory=Failovers)

    def streaming_ear(self) -> stt.STT[Any]:
        """The recognizer as a stream, also where the provider only takes whole utterances."""
        return self.ear if self.ear.capabilities.streaming else stt.StreamAdapter(stt=self.ear, vad=self.vad)


def build_models(settings: Settings, voice: Mapping[str, str], vad_model: vad.VAD) -> Models:
    """Make the models that the settings name, with one agent's voice by provider.

    Raises:
        SettingsError: the agent has no voice for a chosen TTS provider.
    """
    failovers = Failovers()
    ears = {name: build_stt(settings, name) for name in settings.chain("stt")}
    return Models(
        ear=stt_chain(ears, vad_model, failovers),
        mind=build_mind(settings, failovers),
        voice=build_voice(settings, voice, failovers),
        vad=vad_model,
        failovers=failovers,
    )


def build_mind(settings: Settings, failovers: Failovers | None = None) -> TimelyLLM:
    """The language model, or the chain of them, that speaks in time or fails."""
    minds = {name: build_llm(settings, name) for name in settings.chain("llm")}
    return llm_chain(minds, settings.first_token_s, failovers or Failovers())


def build_voice(settings: Settings, voice: Mapping[str, str], failovers: Failovers | None = None) -> tts.TTS[Any]:
    """One agent's voice, or the chain of them."""
    voices = {name: build_tts(settings, name, voice_name(voice, name)) for name in settings.chain("tts")}
    return tts_chain(voices, failovers or Failovers())


def voice_name(voice: Mapping[str, str], provider: str) -> str:
    """An agent's voice at a provider; SettingsError if it has none there."""
    found = voice.get(provider) or offer("tts", provider).voice
    if found is None:
        raise SettingsError(f"TTS_PROVIDER={provider} has no voice in the roster: add it to `voice` there")
    return found


def build_llm(settings: Settings, name: str) -> llm.LLM[Any]:
    """One provider's language model."""
    made: llm.LLM[Any] = _make("llm", name)(**_arguments(settings, "llm", name))
    return made


def build_stt(settings: Settings, name: str) -> stt.STT[Any]:
    """One provider's recognizer."""
    made: stt.STT[Any] = _make("stt", name)(**_arguments(settings, "stt", name))
    return made


def build_tts(settings: Settings, name: str, voice: str) -> tts.TTS[Any]:
    """One provider's voice."""
    arguments = {offer("tts", name).voice_argument: voice} | _arguments(settings, "tts", name)
    made: tts.TTS[Any] = _make("tts", name)(**arguments)
    return made


def load_local_models(settings: Settings) -> vad.VAD:
    """Load what runs in this process before a call needs it; returns the voice activity detector.

    Plugins register themselves as they are loaded, which LiveKit allows in the main thread alone.
    """
    for kind in KINDS:
        for name in settings.chain(kind):
            _make(kind, name)
    loads = [local_stt.load] if LOCAL in settings.chain("stt") else []
    loads += [local_tts.load] if LOCAL in settings.chain("tts") else []
    with ThreadPoolExecutor(max_workers=1, initializer=give_way) as loader:  # the models' own threads inherit it
        for done in [loader.submit(load) for load in loads]:
            done.result()
    return load_vad()


@functools.cache
def load_vad() -> vad.VAD:
    """The voice activity detector; one per process, which has one call."""
    return silero.VAD.load()


def _arguments(settings: Settings, kind: Kind, name: str) -> dict[str, Any]:
    if not PROVIDERS[name].is_remote:
        return {}
    model, url, key = settings.model_of(kind, name), settings.base_url(name) or "", settings.api_key(name)
    arguments: dict[str, Any] = {"model": model} if model else {}
    arguments |= {"api_key": key, "base_url": url + offer(kind, name).path}
    if offer(kind, name).is_openai_client:
        arguments["client"] = discreet_client(url, key)
    return arguments


def _make(kind: Kind, name: str) -> Callable[..., Any]:
    made: Callable[..., Any] = _loaded(offer(kind, name).make)
    return made


@functools.cache
def _loaded(make: str) -> Any:
    module, _, path = make.partition(":")
    made: Any = importlib.import_module(module)
    for name in path.split("."):
        made = getattr(made, name)
    return made
