from pathlib import Path

import pytest

from agents.roster import ROSTER_PATH, check_roster, load_roster
from warm_transfer.transfer.errors import SettingsError
from warm_transfer.transfer.understanding.privacy import PRIVATE_KINDS

ENTRY = """
[[specialist]]
id = "billing"
name = "Ben"
title = "billing specialist"
skills = ["billing"]
needs = []
prompt = "specialist_billing"
voice = { local = "ben" }
"""


def roster_file(folder: Path, text: str) -> Path:
    path = folder / "roster.toml"
    path.write_text(text)
    return path


def test_shipped_roster_finds_a_specialist_by_skill_and_by_id() -> None:
    roster = load_roster()
    (billing,) = roster.for_skill(" Refund ")
    assert billing is roster.get("billing")
    assert (billing.name, billing.needs) == ("Ben", ("account_number",))
    assert billing.voice["local"] == "ben"


def test_of_several_with_a_skill_the_first_in_the_file_is_called_first(tmp_path: Path) -> None:
    roster = load_roster(roster_file(tmp_path, ENTRY + ENTRY.replace('"billing"\nname', '"deputy"\nname')))
    assert [one.id for one in roster.for_skill("billing")] == ["billing", "deputy"]
    assert roster.skills == ("billing",)


def test_unknown_skill_and_id_find_nobody() -> None:
    roster = load_roster()
    assert roster.for_skill("astrology") == ()
    assert roster.get("+1 900 555 0100") is None


def test_roster_text_names_each_specialist_once() -> None:
    text = load_roster().as_text()
    assert text.splitlines()[0] == (
        "- billing: Ben, billing specialist; skills: billing, refund, invoice; needs: account_number"
    )
    assert text.splitlines()[2].endswith("needs: nothing")


def test_voices_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_roster().specialists[0].voice["local"] = "x"  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"no \[\[specialist\]\]"),
        ("specialist = 3", r"no \[\[specialist\]\]"),
        ("specialist = [3]", "specialist 1 is not a table"),
        ("[[specialist", "not valid TOML"),
        (ENTRY.replace('name = "Ben"', ""), "specialist 1: `name`"),
        (ENTRY.replace('skills = ["billing"]', "skills = []"), "specialist 1: `skills`"),
        (ENTRY.replace("needs = []", 'needs = "account"'), "specialist 1: `needs`"),
        (ENTRY.replace('{ local = "ben" }', '"ben"'), "specialist 1: `voice`"),
        (ENTRY.replace("needs = []", "needs = []\nphone = 1"), "unknown key: phone"),
        (ENTRY + ENTRY, "`id` must be unique, these are not: billing"),
    ],
)
def test_wrong_roster_is_refused_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        load_roster(roster_file(tmp_path, text))
    assert "roster.toml" in refused.value.sentence


def test_missing_roster_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml can't be read"):
        load_roster(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('prompt = "specialist_billing"', 'prompt = "nope"'),
        ('prompt = "specialist_billing"', 'prompt = "../README"'),
        ('id = "billing"', 'id = "a b"'),
        ('skills = ["billing"]', 'skills = [""]'),
        ('local = "ben"', 'local = "nobody"'),
        ('local = "ben"', 'openai = "onyx"'),
    ],
)
def test_fault_that_would_break_a_call_is_refused_at_start(tmp_path: Path, good: str, bad: str) -> None:
    assert good in ENTRY
    with pytest.raises(SettingsError):
        check_roster(
            load_roster(roster_file(tmp_path, ENTRY.replace(good, bad))), tts_provider="local", local_voices=["ben"]
        )


def test_sound_roster_is_not_refused(tmp_path: Path) -> None:
    check_roster(load_roster(roster_file(tmp_path, ENTRY)), tts_provider="local", local_voices=["ben"])


def test_policy_says_what_a_target_is_not_told_and_an_unknown_target_is_told_nothing_private() -> None:
    roster = load_roster()
    assert "health" in roster.masks_for("billing")
    assert "health" not in roster.masks_for("technical")
    assert roster.masks_for("nobody") == PRIVATE_KINDS


@pytest.mark.parametrize("masks", ['["shoe_size"]', '["account_number"]'])
def test_policy_that_names_no_kind_or_masks_what_is_needed_is_refused(tmp_path: Path, masks: str) -> None:
    text = ROSTER_PATH.read_text(encoding="utf-8").replace("masks = [", f"masks = {masks}\n# [", 1)
    (tmp_path / "roster.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="masks"):
        load_roster(tmp_path / "roster.toml")
