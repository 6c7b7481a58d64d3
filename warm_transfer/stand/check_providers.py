"""One tiny real request per configured key and kind of model; `make check-providers`.

Exit code 0 if each that is configured works, 1 if one does not, 2 if the settings are wrong.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError, llm, stt
from livekit.agents.utils import http_context

from agents.house import AGENT_A_VOICE
from agents.providers.catalog import build_llm, build_stt, build_tts, voice_name
from agents.providers.discreet_client import closing_client
from warm_transfer.providers import KINDS, PROVIDERS, Kind
from warm_transfer.settings import Settings, load_settings
from warm_transfer.transfer.errors import SettingsError

TIMEOUT_S = 10.0
_ONCE = APIConnectOptions(max_retry=0, timeout=TIMEOUT_S)
_RATE_HZ = 16_000
_WORDS = {"llm": "answers", "stt": "takes speech", "tts": "speaks"}
_STATUSES = {401: "the key is refused", 403: "the key may not do this", 404: "there is no such model or address"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one request showed."""

    sentence: str
    works: bool


def configured(settings: Settings) -> list[tuple[Kind, str]]:
    """What is asked: every provider with a key, or chosen, for every kind that it has."""
    return [
        (kind, name)
        for kind in KINDS
        for name, provider in PROVIDERS.items()
        if provider.is_remote and provider.offers(kind)
        if name in settings.chain(kind) or (name in settings.provider_keys and provider.needs_key)
    ]


async def check(settings: Settings, kind: Kind, name: str) -> Checked:
    """Make one request; its sentence never holds what the provider wrote, which may repeat the key."""
    what = f"{kind.upper()} {name} {settings.model_of(kind, name) or ''}".rstrip()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await _REQUESTS[kind](settings, name)
    except (TimeoutError, APITimeoutError):
        return Checked(sentence=f"{what} fails: no answer in {TIMEOUT_S:.0f} s.", works=False)
    except APIStatusError as error:
        why = _STATUSES.get(error.status_code, "the provider refuses")
        return Checked(sentence=f"{what} fails: {why} (status {error.status_code}).", works=False)
    except APIConnectionError:
        return Checked(sentence=f"{what} fails: {settings.base_url(name)} can't be reached or breaks off.", works=False)
    except (APIError, ValueError) as error:
        return Checked(sentence=f"{what} fails: its answer can't be read ({type(error).__name__}).", works=False)
    return Checked(sentence=f"{what} {_WORDS[kind]}.", works=True)


async def run(settings: Settings, say: Callable[[str], object]) -> int:
    """Check everything; the exit code."""
    asked = configured(settings)
    if not asked:
        say("No key is set: the local models are used, and nobody is asked.")
        return 0
    async with http_context.open():
        results = [await check(settings, kind, name) for kind, name in asked]
    for result in results:
        say(result.sentence)
    return 0 if all(result.works for result in results) else 1


async def _ask(settings: Settings, name: str) -> None:
    context = llm.ChatContext.empty()
    context.add_message(role="user", content="Say ok.")
    async with (
        closing_client(build_llm(settings, name)) as model,
        model.chat(chat_ctx=context, conn_options=_ONCE) as stream,
    ):
        if not (await stream.collect()).text:
            raise APIError("an empty answer", retryable=False)


async def _speak(settings: Settings, name: str) -> None:
    voice = voice_name(AGENT_A_VOICE, name)
    async with (
        closing_client(build_tts(settings, name, voice)) as model,
        model.synthesize("Ok.", conn_options=_ONCE) as sound,
    ):
        if not [audio async for audio in sound]:
            raise APIError("no sound", retryable=False)


async def _listen(settings: Settings, name: str) -> None:
    """Half a second of silence: that it is taken is what counts."""
    model = build_stt(settings, name)
    silence = np.zeros(_RATE_HZ // 2, np.int16)
    frame = rtc.AudioFrame(silence.tobytes(), _RATE_HZ, 1, len(silence))
    async with closing_client(model):
        if not model.capabilities.streaming:
            await model.recognize(frame, conn_options=_ONCE)
            return
        async with model.stream(conn_options=_ONCE) as stream:
            stream.push_frame(frame)
            stream.end_input()
            await _drained(stream)


async def _drained(stream: stt.RecognizeStream) -> None:
    async for _ in stream:
        pass


_REQUESTS: dict[Kind, Callable[[Settings, str], Awaitable[Any]]] = {"llm": _ask, "stt": _listen, "tts": _speak}


def main() -> int:
    """Check what the environment and `.env` configure."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 2
    return asyncio.run(run(settings, lambda sentence: sys.stdout.write(f"{sentence}\n")))


if __name__ == "__main__":
    sys.exit(main())
