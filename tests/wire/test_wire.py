"""The unmodified plugins over real sockets: what works, and how each thing that goes wrong ends."""

import logging
from typing import Any

import pytest
from livekit.agents import APIConnectionError, APIError, APIStatusError, llm

from agents.providers.catalog import build_mind, build_tts, build_voice
from agents.providers.chains import Failovers
from tests.wire.conftest import Configure
from tests.wire.exchanges import SAID, hear, make, now, opened_llm, speak, think
from warm_transfer.providers import LOCAL, named
from warm_transfer.stand.wire.faults import SLOW_S, Fault
from warm_transfer.stand.wire.server import WireServer

# The plugins' HTTP client leaves the socket of an answer that failed to the garbage collector.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

LLMS = [name for name in named("llm") if name != LOCAL]
REMOTE = [(kind, name) for kind in ("llm", "stt", "tts") for name in named(kind) if name != LOCAL]
HARD = [Fault.DROP, Fault.CUT, Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BROKEN, Fault.STALL, Fault.MALFORMED]
STATUS = {Fault.UNAUTHORIZED: 401, Fault.RATE_LIMITED: 429, Fault.BROKEN: 500}
MODEL = {"LLM_PROVIDER": "custom", "LLM_MODEL": "stand-in"}


def heard_number(text: str) -> bool:
    plain = text.lower().replace(" ", "").replace("-", "").replace(",", "")
    return "445566" in plain or "fourfourfivefivesixsix" in plain


@llm.function_tool
async def offer_transfer(skill: str, reason: str) -> None:
    """Offer."""


@llm.function_tool
async def transfer_call() -> None:
    """Transfer."""


@pytest.mark.parametrize(("kind", "name"), REMOTE)
async def test_every_plugin_talks_with_its_stand_in(
    kind: str, name: str, wire: WireServer, configured: Configure
) -> None:
    settings = configured(**(MODEL if name == "custom" else {}))
    result = await make(settings, kind, name)()
    assert result if kind == "llm" else heard_number(result), result


@pytest.mark.parametrize("name", LLMS)
async def test_tool_call_comes_whole_over_the_wire(name: str, wire: WireServer, configured: Configure) -> None:
    async with opened_llm(configured(**MODEL), name) as mind:
        answer = await think(mind, "Please connect me with billing.", [offer_transfer, transfer_call])
    assert [call.name for call in answer.tool_calls] == ["offer_transfer"]
    assert '"skill": "billing"' in answer.tool_calls[0].arguments


@pytest.mark.parametrize("fault", HARD)
@pytest.mark.parametrize("name", LLMS)
async def test_faulty_llm_raises_in_time(name: str, fault: Fault, wire: WireServer, configured: Configure) -> None:
    wire.faults[f"{name}.llm"] = fault
    settings = configured(LLM_PROVIDER=name, FIRST_TOKEN_S="1.0", LLM_MODEL="m")
    began = now()
    async with build_mind(settings) as mind:
        with pytest.raises(APIError) as caught:
            await think(mind)
    assert now() - began < 3.5
    if fault in STATUS:
        told = caught.value.__cause__ or caught.value  # what was tried again is the cause of the last failure
        assert isinstance(told, APIStatusError)
        assert told.status_code == STATUS[fault]


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BROKEN])
@pytest.mark.parametrize("name", ["openai", "groq", "deepgram"])
async def test_faulty_voice_raises(name: str, fault: Fault, wire: WireServer, configured: Configure) -> None:
    wire.faults[f"{name}.tts"] = fault
    with pytest.raises(APIError):
        await make(configured(), "tts", name)()


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BROKEN, Fault.MALFORMED])
@pytest.mark.parametrize("name", ["openai", "groq"])
async def test_faulty_recognizer_raises(name: str, fault: Fault, wire: WireServer, configured: Configure) -> None:
    wire.faults[f"{name}.stt"] = fault
    with pytest.raises((APIError, ValueError)):
        await make(configured(), "stt", name)()


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.CUT, Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BROKEN])
async def test_faulty_stream_of_a_recognizer_raises(fault: Fault, wire: WireServer, configured: Configure) -> None:
    wire.faults["deepgram.stt"] = fault
    with pytest.raises(APIError):
        await make(configured(), "stt", "deepgram")()


async def test_slow_llm_is_awaited_within_the_time_of_a_first_token(wire: WireServer, configured: Configure) -> None:
    wire.faults["groq.llm"] = Fault.SLOW
    began = now()
    async with build_mind(configured(LLM_PROVIDER="groq")) as mind:
        assert (await think(mind)).text
    assert SLOW_S <= now() - began < 3.0


@pytest.mark.parametrize("fault", [*(set(HARD) - {Fault.CUT}), Fault.SLOW])
async def test_chain_answers_within_the_time_of_a_first_token(
    fault: Fault, wire: WireServer, configured: Configure
) -> None:
    wire.faults["groq.llm"] = fault if fault is not Fault.STALL else Fault.BROKEN
    wire.faults["openai.llm"] = Fault.BROKEN
    failovers, told = Failovers(), list[dict[str, Any]]()
    failovers.tell(lambda _, payload: told.append(payload))
    began = now()
    async with build_mind(configured(LLM_PROVIDER="groq,openai,local"), failovers) as mind:
        assert (await think(mind)).text
    assert now() - began < 3.0
    if fault is not Fault.SLOW:
        assert [one["to"] for one in told] == ["openai", "local"]


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.UNAUTHORIZED, Fault.RATE_LIMITED, Fault.BROKEN])
async def test_next_voice_of_a_chain_speaks(fault: Fault, wire: WireServer, configured: Configure) -> None:
    wire.faults["openai.tts"] = fault
    failovers, told = Failovers(), list[dict[str, Any]]()
    failovers.tell(lambda _, payload: told.append(payload))
    voice = build_voice(configured(TTS_PROVIDER="openai,local"), {"openai": "shimmer", "local": "ada"}, failovers)
    assert heard_number(await speak(voice, SAID))
    assert told == [{"kind": "tts", "provider": "openai", "to": "local"}]
    await voice.aclose()


@pytest.mark.parametrize("kind", ["llm", "stt", "tts"])
@pytest.mark.parametrize("fault", [Fault.DROP, Fault.UNAUTHORIZED, Fault.BROKEN, Fault.MALFORMED])
async def test_no_error_or_log_holds_a_key(
    kind: str, fault: Fault, wire: WireServer, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    settings = configured(**MODEL)
    for name in named(kind):  # type: ignore[arg-type]
        wire.faults[f"{name}.{kind}"] = fault
        if name == LOCAL or (kind, fault) == ("stt", Fault.MALFORMED):
            continue
        try:
            await make(settings, kind, name)()
        except Exception as error:
            logging.getLogger("canary").exception("failed", exc_info=error)
            told.append(f"{error!r}{error}{error.__cause__!r}")
    text = caplog.text + "".join(told) + "".join(repr(record.__dict__) for record in caplog.records)
    assert not any(key in text for key in wire.keys.values())


async def test_key_that_is_refused_is_not_in_the_error(wire: WireServer, configured: Configure) -> None:
    settings = configured(OPENAI_API_KEY="canary-of-somebody-else")
    async with opened_llm(settings, "openai") as mind:
        with pytest.raises(APIStatusError) as caught:
            await think(mind)
    assert "canary" not in f"{caught.value!r}{caught.value}"


async def test_provider_is_not_told_our_ids(
    wire: WireServer, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    from livekit.agents.inference import llm as inference_llm

    ours = {"X-LiveKit-Room-ID": "RM_1", "X-LiveKit-Job-ID": "AJ_1", "X-LiveKit-Session-ID": "s", "User-Agent": "x"}
    monkeypatch.setattr(inference_llm, "get_inference_headers", lambda **_: dict(ours))
    for kind, name in REMOTE:
        await make(configured(**MODEL), kind, name)()
    sent = {header.lower() for _, headers in wire.requests for header in headers}
    assert "authorization" in sent
    assert not [header for header in sent if "livekit" in header]


async def test_unreachable_provider_is_a_connection_error(configured: Configure) -> None:
    settings = configured(GROQ_BASE_URL="http://127.0.0.1:9/v1")
    async with opened_llm(settings, "groq") as mind, build_tts(settings, "groq", "diana") as voice:
        with pytest.raises(APIConnectionError):
            await think(mind)
        with pytest.raises(APIConnectionError):
            await speak(voice)


async def test_recognizers_of_a_chain_take_over(wire: WireServer, configured: Configure) -> None:
    from livekit.plugins import silero

    from agents.providers.catalog import build_models

    wire.faults["deepgram.stt"] = Fault.BROKEN
    settings = configured(STT_PROVIDER="deepgram,local", TTS_PROVIDER="local", LLM_PROVIDER="local")
    models, told = build_models(settings, {"local": "ada"}, silero.VAD.load()), list[dict[str, Any]]()
    models.failovers.tell(lambda _, payload: told.append(payload))
    assert heard_number(await hear(models.ear))
    assert told == [{"kind": "stt", "provider": "deepgram", "to": "local"}]
    await models.ear.aclose()
