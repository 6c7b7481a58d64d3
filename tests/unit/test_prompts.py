import re
from pathlib import Path

import pytest

from agents.prompts import DISPOSITIONS, PROMPTS_DIR, PromptError, load_phrases, load_prompt
from agents.roster import load_roster
from warm_transfer.transfer.terms import Disposition

_SPECIALIST = {"name": "Ben", "title": "billing specialist", "specialist": "s"}
PLACEHOLDERS = {
    "agent_a": {"roster": "r"},
    "on_hold": {},
    "agent_a_consult": {"transcript": "t"},
    "agent_b_consult": {**_SPECIALIST, "needs": "- account_number"},
    "agent_b": {**_SPECIALIST, "briefing": "b"},
}


@pytest.mark.parametrize("prompt", PLACEHOLDERS)
def test_agent_prompt_has_the_fields_headings_and_leaves_no_placeholder(prompt: str) -> None:
    text = load_prompt(prompt, **PLACEHOLDERS[prompt])
    headings = re.findall(r"^# (.+)$", text, re.MULTILINE)
    assert {"Identity", "Output rules", "Tools", "Guardrails"} <= set(headings)
    assert len(headings) == len(set(headings))
    assert "$" not in text


def test_spoken_prompts_share_the_voice_rules() -> None:
    rules = load_prompt("voice_rules")
    for prompt in ("agent_a", "on_hold", "agent_b"):
        assert rules in load_prompt(prompt, **PLACEHOLDERS[prompt])


def test_every_specialist_of_the_roster_has_its_prompt() -> None:
    for specialist in load_roster().specialists:
        assert " -> " in load_prompt(specialist.prompt)


def test_missing_prompt_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"nobody\.md"):
        load_prompt("nobody", tmp_path)


def test_placeholder_without_value_is_named() -> None:
    with pytest.raises(PromptError, match=r"agent_a\.md.*without a value: roster"):
        load_prompt("agent_a")


def test_value_without_placeholder_is_named() -> None:
    with pytest.raises(PromptError, match=r"agent_a\.md.*no placeholder for: mood"):
        load_prompt("agent_a", roster="r", mood="good")


def test_stray_dollar_is_named(tmp_path: Path) -> None:
    (tmp_path / "price.md").write_text("It costs $ 5.")
    with pytest.raises(PromptError, match="price"):
        load_prompt("price", tmp_path)


def test_values_are_not_read_for_placeholders() -> None:
    assert "pay $roster or $5" in load_prompt("agent_a_consult", transcript="pay $roster or $5")


def test_each_disposition_that_gives_the_caller_back_has_its_phrase() -> None:
    phrases = load_phrases()
    gone = {Disposition.NONE, Disposition.COMPLETED, Disposition.CALLER_LEFT}
    assert set(DISPOSITIONS) == {one.value for one in Disposition if one not in gone}
    spoken = [phrases[f"transfer_failed.{disposition}"] for disposition in DISPOSITIONS]
    assert len(set(spoken)) == len(DISPOSITIONS)


def test_greeting_says_that_it_is_an_ai() -> None:
    assert "AI" in load_phrases()["greeting"]


def test_missing_phrase_is_named(tmp_path: Path) -> None:
    text = (PROMPTS_DIR / "phrases.toml").read_text()
    path = tmp_path / "phrases.toml"
    path.write_text(re.sub(r"^hold = .*$", "", text, flags=re.MULTILINE))
    with pytest.raises(PromptError, match=r"lacks the phrase: hold"):
        load_phrases(path)


def test_unknown_phrase_is_named(tmp_path: Path) -> None:
    path = tmp_path / "phrases.toml"
    path.write_text('joke = "Knock knock."\n' + (PROMPTS_DIR / "phrases.toml").read_text())
    with pytest.raises(PromptError, match=r"unknown phrase: joke"):
        load_phrases(path)


def test_broken_phrase_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "phrases.toml"
    path.write_text("hold = ")
    with pytest.raises(PromptError, match="not valid TOML"):
        load_phrases(path)
