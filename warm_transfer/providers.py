"""Every provider of models: a new one is one entry here, and nothing else.

Its key is read from `<NAME>_API_KEY`, its address from `<NAME>_BASE_URL`. The classes are named as text and loaded by
agents/providers/catalog.py, for nothing below warm_transfer/ but the LiveKit adapter imports LiveKit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["llm", "stt", "tts"]
KINDS: tuple[Kind, ...] = ("llm", "stt", "tts")
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a provider offers of one kind."""

    make: str
    """`module:name` of a LiveKit plugin's class or function; it gets model, api_key, base_url, and a TTS its voice."""
    model: str | None
    """Unless `<KIND>_MODEL` names one; None: it must."""
    path: str = ""
    """What the plugin wants behind the base URL."""
    rank: int = 0
    """Who is chosen when several keys are set and nothing else is: the lowest. Equal: the first in the table."""
    is_openai_client: bool = False
    """It takes an OpenAI client of ours, which sends no LiveKit ids."""
    voice_argument: str = "voice"
    """What a TTS calls the voice. "model": the voice is the model, unless TTS_MODEL names one."""
    voice: str | None = None
    """For whoever has none in the roster; None: refused at start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One entry."""

    base_url: str | None
    """None: `<NAME>_BASE_URL` must be set."""
    needs_key: bool = True
    is_remote: bool = True
    """Takes a model, a key and an address at all."""
    llm: Model | None = None
    stt: Model | None = None
    tts: Model | None = None

    def offers(self, kind: Kind) -> Model | None:
        """What it has of this kind."""
        return {"llm": self.llm, "stt": self.stt, "tts": self.tts}[kind]


PROVIDERS: dict[str, Provider] = {
    "openai": Provider(
        base_url="https://api.openai.com/v1",
        llm=Model(make="livekit.plugins.openai:LLM", model="gpt-4.1-mini", is_openai_client=True),
        stt=Model(make="livekit.plugins.openai:STT", model="gpt-4o-mini-transcribe", rank=2),
        tts=Model(make="livekit.plugins.openai:TTS", model="gpt-4o-mini-tts"),
    ),
    "groq": Provider(
        base_url="https://api.groq.com/openai/v1",
        llm=Model(make="livekit.plugins.groq:LLM", model="llama-3.3-70b-versatile", rank=1, is_openai_client=True),
        stt=Model(make="livekit.plugins.groq:STT", model="whisper-large-v3-turbo", rank=1),
        tts=Model(make="livekit.plugins.groq:TTS", model="canopylabs/orpheus-v1-english", rank=2),
    ),
    "openrouter": Provider(
        base_url="https://openrouter.ai/api/v1",
        llm=Model(make="livekit.plugins.openai:LLM.with_openrouter", model="auto", rank=2, is_openai_client=True),
    ),
    "deepgram": Provider(
        base_url="https://api.deepgram.com/v1",
        stt=Model(make="livekit.plugins.deepgram:STT", model="nova-3", path="/listen"),
        tts=Model(make="livekit.plugins.deepgram:TTS", model=None, path="/speak", rank=1, voice_argument="model"),
    ),
    "custom": Provider(
        base_url=None,
        needs_key=False,
        llm=Model(make="livekit.plugins.openai:LLM", model=None, is_openai_client=True),
    ),
    LOCAL: Provider(
        base_url=None,
        needs_key=False,
        is_remote=False,
        llm=Model(make="agents.providers.local_llm:LocalLLM", model=None),
        stt=Model(make="agents.providers.local_stt:LocalSTT", model=None),
        tts=Model(make="agents.providers.local_tts:LocalTTS", model=None),
    ),
}


def named(kind: Kind) -> list[str]:
    """The names that `<KIND>_PROVIDER` takes."""
    return [name for name, provider in PROVIDERS.items() if provider.offers(kind)]


def by_key(kind: Kind) -> list[str]:
    """Those that a key alone chooses, the first one first."""
    keyed = [name for name in named(kind) if PROVIDERS[name].needs_key]
    return sorted(keyed, key=lambda name: offer(kind, name).rank)


def offer(kind: Kind, name: str) -> Model:
    """What a provider that `named` lists has of this kind; KeyError for any other."""
    found = PROVIDERS[name].offers(kind)
    if found is None:
        raise KeyError(name)
    return found


def wrong_choice(
    kind: Kind, chosen: list[str], models: list[str], *, keys: Mapping[str, object], urls: Mapping[str, str]
) -> str | None:
    """What is wrong with a chain, as one sentence for the operator; None: nothing."""
    setting = f"{kind.upper()}_PROVIDER"
    known = named(kind)
    if not chosen or any(name not in known for name in chosen):
        return (
            f"{setting} must be {', '.join(known[:-1])} or {known[-1]}, or several with a comma between: mend it, "
            f"or unset it for {LOCAL}"
        )
    if len(set(chosen)) < len(chosen):
        return f"{setting} names a provider twice: name each once"
    if len(models) > len(chosen):
        return f"{kind.upper()}_MODEL names more models than {setting} has providers: name one for each, in order"
    for place, name in enumerate(chosen):
        provider, prefix = PROVIDERS[name], name.upper()
        if provider.needs_key and not keys.get(name):
            return f"{setting}={name} needs {prefix}_API_KEY: set it, or {setting}={LOCAL}"
        if provider.is_remote and provider.base_url is None and not urls.get(name):
            return f"{setting}={name} needs {prefix}_BASE_URL: set the server's, as http://127.0.0.1:11434/v1"
        is_named = place < len(models) and models[place]
        model = offer(kind, name)
        if provider.is_remote and model.model is None and model.voice_argument != "model" and not is_named:
            return f"{setting}={name} needs {kind.upper()}_MODEL: set the name of a model that this server has"
    return None
