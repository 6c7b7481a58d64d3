"""`make check-providers` against the stand-ins."""

import pytest

from tests.wire.conftest import Configure
from warm_transfer.settings import load_settings
from warm_transfer.stand.check_providers import check, run
from warm_transfer.stand.wire.faults import Fault
from warm_transfer.stand.wire.server import WireServer

# The plugins' HTTP client leaves the socket of an answer that failed to the garbage collector.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

ONE_PROVIDER = {"OPENAI_API_KEY": "", "OPENROUTER_API_KEY": "", "DEEPGRAM_API_KEY": "", "CUSTOM_API_KEY": ""}


async def test_every_configured_key_is_tried_and_told_in_a_sentence(wire: WireServer, configured: Configure) -> None:
    said: list[str] = []
    code = await run(configured(), said.append)
    assert code == 0, said
    assert "LLM openrouter auto answers." in said
    assert "STT deepgram nova-3 takes speech." in said
    assert len(said) == 9
    assert {path.split("/")[1] for path, _ in wire.requests} == {"openai", "groq", "openrouter", "deepgram"}


@pytest.mark.parametrize(
    ("fault", "says"),
    [(Fault.UNAUTHORIZED, "the key is refused"), (Fault.RATE_LIMITED, "status 429"), (Fault.DROP, "can't be reached")],
)
async def test_one_that_fails_is_told_and_makes_the_code_1(
    fault: Fault, says: str, wire: WireServer, configured: Configure
) -> None:
    wire.faults["groq.tts"] = fault
    said: list[str] = []
    assert await run(configured(**ONE_PROVIDER), said.append) == 1
    assert [sentence for sentence in said if says in sentence and sentence.startswith("TTS groq")], said
    assert not [sentence for sentence in said if wire.keys["groq"] in sentence]


@pytest.mark.parametrize(("kind", "name"), [("llm", "openai"), ("stt", "deepgram"), ("tts", "deepgram")])
async def test_wrong_key_is_refused(kind: str, name: str, wire: WireServer, configured: Configure) -> None:
    wrong = configured(**{f"{name.upper()}_API_KEY": "canary-key"})
    found = await check(wrong, kind, name)  # type: ignore[arg-type]
    assert not found.works
    assert "the key is refused" in found.sentence
    assert "canary" not in found.sentence


async def test_without_a_key_nobody_is_asked() -> None:
    said: list[str] = []
    assert await run(load_settings("/nonexistent", {}), said.append) == 0
    assert "nobody is asked" in said[0]
