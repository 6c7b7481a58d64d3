import re
from pathlib import Path

import pytest

from agents.prompts import (
    DISMISSED,
    DISPOSITIONS,
    PROMPTS,
    PROMPTS_DIR,
    PromptError,
    check_prompts,
    load_phrases,
    load_prompt,
)
from agents.roster import load_roster
from warm_transfer.transfer.terms import Disposition

PLACEHOLDERS = {prompt: dict.fromkeys(names, "filled") for prompt, names in PROMPTS.items()}


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
    for specialist in load_roster().models:
        assert " -> " in load_prompt(specialist.prompt)


@pytest.mark.parametrize("fault", ["", "Be $mood.", "It costs $ 5."])
def test_prompt_that_would_break_a_call_is_refused_before_one_comes(tmp_path: Path, fault: str) -> None:
    for file in PROMPTS_DIR.glob("*.md"):
        (tmp_path / file.name).write_text(file.read_text())
    check_prompts(tmp_path)
    (tmp_path / "agent_b_consult.md").write_text(fault)
    with pytest.raises(PromptError, match=r"agent_b_consult\.md"):
        check_prompts(tmp_path)


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
    assert set(DISMISSED) < {one.value for one in Disposition}
    assert all(len(phrases[f"dismissed.{disposition}"].split()) <= 6 for disposition in DISMISSED)
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
