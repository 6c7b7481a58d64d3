import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.test_snapshots import WARM, logged
from warm_transfer.calls.__main__ import app
from warm_transfer.calls.events import Payload
from warm_transfer.calls.log import CallLog


@pytest.fixture(autouse=True)
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    log_url = f"sqlite:///{tmp_path}/calls.sqlite3"
    monkeypatch.chdir(tmp_path)  # no .env of the developer's
    monkeypatch.setenv("CALL_LOG_URL", log_url)
    monkeypatch.setenv("COLUMNS", "120")
    return log_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def write_call(url: str, call_id: str, told: list[tuple[float, str, Payload]] = WARM) -> None:
    with CallLog(url) as log:
        for event in logged(told, call_id):
            log.append(call_id, event.type, event.payload, event_id=event.event_id, at=event.at)


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_empty_log_is_a_friendly_sentence(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, "No calls yet. `make demo` places the first one.\n")


def test_empty_log_is_an_empty_list_in_json() -> None:
    assert json.loads(run("--json").stdout) == []


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_list_shows_each_call_and_how_its_transfers_ended(url: str, arguments: list[str]) -> None:
    write_call(url, "0123456789abcdef")
    result = run(*arguments)
    assert result.exit_code == 0
    for shown in ("0123456789ab", "9.5 s", "1200 ms", "billing: completed (accepted)"):
        assert shown in result.stdout


@pytest.mark.parametrize("arguments", [["--limit", "1", "--json"], ["list", "--limit", "1", "--json"]])
def test_list_is_limited_to_the_latest_calls(url: str, arguments: list[str]) -> None:
    write_call(url, "first")
    write_call(url, "second")
    (listed,) = json.loads(run(*arguments).stdout)
    assert (listed["call_id"], listed["turns"], listed["duration_s"]) == ("second", 3, 9.5)


def test_options_before_the_command_count_too(url: str) -> None:
    write_call(url, "first")
    write_call(url, "second")
    assert len(json.loads(run("--limit", "1", "--json", "list").stdout)) == 1


def test_call_is_shown_with_transcript_briefing_consult_and_timeline(url: str) -> None:
    write_call(url, "0123456789abcdef")
    result = run("show", "0123456789abcdef")
    assert result.exit_code == 0
    for shown in (
        "Transcript",
        "final room",
        "Agent B",
        "Maria.",
        "Charged twice.",
        "account number",
        "445566 (t2)",
        "Which card?",
        "The caller was held for 1200 ms.",
        "Timeline",
        "target accepted",
        "move client_move",
    ):
        assert shown in result.stdout


def test_shown_call_in_json_is_the_whole_snapshot(url: str) -> None:
    write_call(url, "0123456789abcdef")
    shown = json.loads(run("show", "0123", "--json").stdout)
    assert shown["transfers"][0]["briefing"]["facts"][0]["value"] == "445566"
    assert (shown["call_id"], shown["duration_s"], shown["hold_ms"]) == ("0123456789abcdef", 9.5, 1200)


def test_exact_id_wins_over_a_longer_one_that_begins_with_it(url: str) -> None:
    write_call(url, "abc")
    write_call(url, "abcdef")
    assert json.loads(run("show", "abc", "--json").stdout)["call_id"] == "abc"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("zzz", "No call begins with 'zzz': `make calls` lists the ids."),
        ("ab", "More than one call begins with 'ab': give more of the id."),
    ],
)
def test_id_of_no_single_call_is_one_sentence_and_exit_1(url: str, given: str, sentence: str) -> None:
    write_call(url, "abc")
    write_call(url, "abd")
    result = run("show", given)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("MAX_CALLS", "none", "MAX_CALLS must be a whole number"),
        (
            "CALL_LOG_URL",
            "sqlite:////proc/nowhere/calls.sqlite3",
            "The call log can't be used: check CALL_LOG_URL and its permissions",
        ),
    ],
)
def test_bad_setting_is_one_sentence_and_exit_1(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, says: str
) -> None:
    monkeypatch.setenv(setting, value)
    result = run()
    assert result.exit_code == 1
    assert result.stderr.startswith(says)
    assert result.stderr.count("\n") == 1


def test_messages_are_listed_with_the_number_to_call_back(url: str) -> None:
    left = {"transfer_id": None, "message": "The light is red.", "callback_number": "5550192837"}
    write_call(url, "0123456789abcdef", [(0.0, "call_started", {}), (1.0, "message_left", left)])
    shown = run("messages").stdout
    assert "The light is red." in shown
    assert "5550192837" in shown
    (told,) = json.loads(run("messages", "--json").stdout)
    assert (told["call_id"], told["text"], told["callback_number"]) == (
        "0123456789abcdef",
        "The light is red.",
        "5550192837",
    )
    assert "Call back: 5550192837" in run("show", "0123").stdout


def test_no_message_is_said_so(url: str) -> None:
    assert "Nobody has left a message." in run("messages").stdout


def test_words_of_a_caller_can_neither_steer_the_terminal_nor_style_the_view(url: str) -> None:
    spoken = {
        "turn_id": "t1",
        "speaker": "caller",
        "room": "r1",
        "text": "\x1b[31m[bold]red[/bold]",
        "at": 1.0,
    }
    write_call(url, "call", [(0.0, "turn_spoken", spoken)])
    shown = run("show", "call").stdout
    assert "\x1b[31m" not in shown
    assert "[bold]red[/bold]" in shown


def test_help_names_the_commands() -> None:
    shown = run("--help").stdout
    assert "list" in shown
    assert "show" in shown
