"""Providers by name: one entry makes one, a chain shares the time, and what failed over is told."""

import asyncio
from typing import Any

import pytest
from livekit.agents import llm

from agents.providers.catalog import build_llm, build_mind, build_tts, voice_name
from agents.providers.chains import Failovers, llm_chain, shares
from tests.behaviour.faulty_models import ANSWER, FaultyLLM
from warm_transfer import providers
from warm_transfer.calls.events import CallEvent
from warm_transfer.providers import Model, Provider
from warm_transfer.settings import load_settings, settings_table

SHORT_S = 1.5


def test_new_provider_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = Provider(
        base_url="https://acme.example/v1",
        llm=Model(make="livekit.plugins.openai:LLM", model="acme-1", is_openai_client=True),
        tts=Model(make="livekit.plugins.openai:TTS", model="acme-voice", voice="wile"),
    )
    monkeypatch.setitem(providers.PROVIDERS, "acme", acme)
    settings = load_settings("/nonexistent", {"ACME_API_KEY": "k", "LLM_MODEL": "acme-2"})
    assert "LLM: acme acme-2 (ACME_API_KEY is set)" in settings.describe()
    assert build_llm(settings, "acme").model == "acme-2"
    assert build_tts(settings, "acme", voice_name({}, "acme")).model == "acme-voice"
    assert {"ACME_API_KEY", "ACME_BASE_URL"} <= {row.env_name for row in settings_table()}


@pytest.mark.parametrize("name", ["openai", "groq", "openrouter", "custom"])
def test_every_llm_goes_where_its_base_url_says(name: str) -> None:
    environ = {"LLM_PROVIDER": name, f"{name.upper()}_API_KEY": "k", "LLM_MODEL": "m"}
    made: Any = build_llm(
        load_settings("/nonexistent", environ | {f"{name.upper()}_BASE_URL": "http://[::1]:1/v1"}), name
    )
    assert str(made._client.base_url) == "http://[::1]:1/v1/"
    assert made.model == "m"


@pytest.mark.parametrize("names", [["groq", "openai", "local"], ["groq", "openai"], ["local", "groq"]])
def test_chain_shares_the_time_of_one_first_token(names: list[str]) -> None:
    share = shares(names, 3.0)
    assert sum(share.values()) == pytest.approx(3.0)
    assert all(seconds > 0.1 for seconds in share.values())


async def first_words(mind: llm.LLM[Any]) -> tuple[str, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with mind.chat(chat_ctx=llm.ChatContext.empty()) as stream:
        words = "".join([chunk.delta.content or "" async for chunk in stream if chunk.delta])
    return words, loop.time() - began


async def test_failed_and_stalled_models_are_followed_by_the_next_in_time_and_told() -> None:
    failovers = Failovers()
    told: list[tuple[CallEvent, dict[str, Any]]] = []
    minds = {"groq": FaultyLLM("fails"), "openai": FaultyLLM("stalls"), "local": FaultyLLM("answers")}
    async with llm_chain(minds, SHORT_S, failovers) as chain:
        words, seconds = await first_words(chain)
        failovers.tell(lambda event, payload: told.append((event, payload)))
    assert words == ANSWER
    assert seconds < SHORT_S
    assert told == [
        (CallEvent.PROVIDER_FAILED_OVER, {"kind": "llm", "provider": "groq", "to": "openai"}),
        (CallEvent.PROVIDER_FAILED_OVER, {"kind": "llm", "provider": "openai", "to": "local"}),
    ]


async def test_chain_without_anybody_fails_within_the_time_of_one_first_token() -> None:
    minds = {"groq": FaultyLLM("stalls"), "openai": FaultyLLM("stalls")}
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with llm_chain(minds, SHORT_S, Failovers()) as chain:
        with pytest.raises(Exception, match=r"no token|all LLMs failed"):
            await first_words(chain)
    assert loop.time() - began < SHORT_S + 0.2


def test_mind_of_a_chain_is_one_model() -> None:
    settings = load_settings("/nonexistent", {"LLM_PROVIDER": "groq,local", "GROQ_API_KEY": "k"})
    assert build_mind(settings).model == "llama-3.3-70b-versatile"
