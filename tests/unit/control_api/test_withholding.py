"""A human Agent B's page is not told what its roster entry masks, by no door of the API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.control_api.site import DANA, KEYS, OPERATOR, Site, running
from warm_transfer.calls.events import CallEvent

ROSTER = """
[[specialist]]
id = "dana"
kind = "human"
name = "Dana"
title = "team lead"
skills = ["billing"]
masks = ["card_number", "account_number", "phone_number"]
"""
ACCOUNT = "445566"


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    file = tmp_path / "roster.toml"
    file.write_text(ROSTER)
    return file


@pytest.fixture
def keyed(tmp_path: Path, roster: Path) -> Iterator[Site]:
    with running(tmp_path, api_keys=KEYS, roster_file=roster) as site:
        yield site


@pytest.fixture
def local(tmp_path: Path, roster: Path) -> Iterator[Site]:
    with running(tmp_path, roster_file=roster) as site:
        yield site


def told(site: Site) -> None:
    """A call that rings at Dana, with an account number in every place where words of the call are."""
    site.add_call("c1")
    said = {"speaker": "caller", "room": "caller-1"}
    site.add("c1", CallEvent.TURN_SPOKEN, turn_id="t2", text=f"My account number is {ACCOUNT}.", **said)
    site.ring("c1")
    fact = {"kind": "account_number", "value": ACCOUNT, "turn_id": "t2"}
    asked = f"A refund to account number {ACCOUNT}"
    briefing = {"caller_name": "Maria", "reason": "Bill", "tried": [asked], "asked": asked, "facts": [fact]}
    site.add("c1", CallEvent.BRIEFING_SENT, transfer_id="x1", briefing=briefing)
    consult = {"transfer_id": "x1", "target": "dana"}
    site.add("c1", CallEvent.QUESTION_ASKED, question="What is the account number?", **consult)
    site.add("c1", CallEvent.QUESTION_ANSWERED, answer=f"It is {ACCOUNT}.", **consult)
    site.add("c1", CallEvent.MESSAGE_LEFT, message=f"My account number is {ACCOUNT}", callback_number="5551234")


def test_answer_to_a_desk_has_nothing_that_its_entry_masks(keyed: Site) -> None:
    told(keyed)
    shown = keyed.get("/api/calls/c1", DANA)
    assert shown.status_code == 200
    assert ACCOUNT not in shown.text
    assert "5551234" not in shown.text
    assert "[account number]" in shown.json()["transcript"][-1]["text"]
    assert ACCOUNT in keyed.get("/api/calls/c1", OPERATOR).text


@pytest.mark.parametrize("is_local", [False, True])
def test_live_captions_of_a_desk_have_nothing_that_its_entry_masks(keyed: Site, local: Site, is_local: bool) -> None:
    site = local if is_local else keyed
    told(site)
    who: dict[str, Any] = {"agent": "dana"} if is_local else {"key": DANA}
    with site.client.websocket_connect("ws://127.0.0.1:8080/ws/desk") as socket:
        socket.send_json({"type": "hello", "last_seq": None, "calls": None, **who})
        first = socket.receive_json()
        said = {"speaker": "caller", "room": "caller-1", "turn_id": "t3"}
        site.add("c1", CallEvent.TURN_SPOKEN, text=f"Again, my account number is {ACCOUNT}.", **said)
        while (news := socket.receive_json())["type"] != "transcript":
            pass
    assert [call["session_id"] for call in first["data"]["calls"]] == ["c1"]
    assert ACCOUNT not in json.dumps(first)
    assert news["data"]["turn"]["text"] == "Again, my account number is [account number]."


def test_local_operator_at_no_desk_is_told_what_the_log_may_tell(local: Site) -> None:
    told(local)
    assert ACCOUNT in local.get("/api/calls/c1").text
