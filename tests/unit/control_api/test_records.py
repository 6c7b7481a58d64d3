import io
import json
import os
import time
import zipfile
from pathlib import Path

import pytest

from tests.unit.control_api.site import OPERATOR, Site, authorized
from warm_transfer.calls.events import CallEvent
from warm_transfer.control.api import health
from warm_transfer.control.api.records import keep_up_once
from warm_transfer.settings import Settings


def talk(site: Site) -> None:
    site.add_call("c1")
    site.ring("c1")
    site.add("c1", CallEvent.MESSAGE_LEFT, transfer_id="x1", message="Call Maria", callback_number="5550199")


def test_erased_call_keeps_its_timeline_and_no_word(keyed: Site, tmp_path: Path) -> None:
    talk(keyed)
    assert keyed.client.delete("/api/calls/c1", headers=authorized(OPERATOR)).status_code == 409
    keyed.add("c1", CallEvent.CALL_ENDED, reason="hung_up")
    before = [(event.type, event.at) for event in keyed.log.events("c1")]
    assert keyed.client.delete("/api/calls/c1", headers=authorized(OPERATOR)).status_code == 204
    assert keyed.client.delete("/api/calls/c1", headers=authorized(OPERATOR)).status_code == 204
    after = keyed.log.events("c1")
    assert [(event.type, event.at) for event in after[:-1]] == before
    assert after[-1].type == CallEvent.CALL_ERASED
    shown = keyed.get("/api/calls/c1", OPERATOR)
    assert shown.json()["is_erased"]
    kept = shown.text + b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file()).decode("latin1")
    assert [word for word in ("Maria", "bill is wrong", "5550199") if word in kept] == []


def test_word_that_comes_after_the_erasure_is_not_kept(local: Site) -> None:
    local.add_call("c1")
    local.log.erase("c1", by="test", reason="asked")
    local.add("c1", CallEvent.TURN_SPOKEN, turn_id="t2", speaker="caller", text="late words")
    assert "text" not in local.log.events("c1")[-1].payload


def test_word_of_the_spool_that_comes_after_the_erasure_is_not_kept_for_a_job_either(local: Site) -> None:
    local.add_call("c1")
    local.log.erase("c1", by="test", reason="asked")
    said = {"turn_id": "t2", "speaker": "caller"}
    local.log.append("c1", CallEvent.TURN_SPOKEN, said | {"text": "card ****"}, private=said | {"text": "card 4111"})
    assert "text" not in local.log.events_unmasked("c1")[-1].payload


def test_socket_has_no_word_of_an_erased_call(local: Site) -> None:
    talk(local)
    local.add("c1", CallEvent.CALL_ENDED, reason="hung_up")
    with local.client.websocket_connect("ws://127.0.0.1:8080/ws/me") as socket:
        socket.send_json({"type": "hello", "calls": ["c1"]})
        socket.receive_json()
        assert local.client.delete("/api/calls/c1").status_code == 204
        local.add("c1", CallEvent.JOB_ENDED, role="agent_a", identity="agent_a-1", pid=1)
        after = [socket.receive_json()]
        while after[-1]["data"].get("event") != "job_ended":
            after.append(socket.receive_json())
    assert "call_erased" in [one["data"].get("event") for one in after]
    assert [word for word in ("Maria", "bill is wrong", "5550199") if word in json.dumps(after)] == []


def test_old_calls_are_erased_and_young_ones_not(local: Site) -> None:
    now = time.time()
    for call_id, days in (("old", 31), ("young", 29)):
        payload = {"turn_id": "t1", "speaker": "caller", "text": "words"}
        local.log.append(call_id, CallEvent.TURN_SPOKEN, payload, at=now - days * 86400)
    keep_up_once(Settings(retain_days=0), local.log, now)
    assert local.log.events("old")[0].payload["text"] == "words"
    keep_up_once(Settings(retain_days=30), local.log, now)
    assert "text" not in local.log.events("old")[0].payload
    assert local.log.events("young")[0].payload["text"] == "words"


def test_words_that_the_log_refused_are_not_kept_longer_than_calls(local: Site, tmp_path: Path) -> None:
    now = time.time()
    old, young = tmp_path / "c1-1.refused", tmp_path / "c2-1.refused"
    for file, days in ((old, 31), (young, 29)):
        file.write_text("words")
        os.utime(file, (now - days * 86400,) * 2)
    keep_up_once(Settings(retain_days=30, unwritten_dir=tmp_path), local.log, now)
    assert (old.exists(), young.exists()) == (False, True)


def test_call_that_nobody_joined_is_over_after_a_while(local: Site) -> None:
    call_id = local.post("/api/calls/create").json()["session_id"]
    keep_up_once(Settings(), local.log, time.time())
    assert local.get(f"/api/calls/{call_id}").json()["state"] == "created"
    keep_up_once(Settings(), local.log, time.time() + 600)
    assert local.get(f"/api/calls/{call_id}").json()["end_reason"] == "nobody_came"


def test_export_holds_the_call_as_shown_its_words_and_its_events(local: Site) -> None:
    talk(local)
    answer = local.get("/api/calls/c1/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("call.json")) == local.get("/api/calls/c1").json()
        assert archive.read("transcript.txt").decode() == "caller: My bill is wrong.\n"
        events = [json.loads(line) for line in archive.read("events.jsonl").splitlines()]
    assert [event["call_seq"] for event in events] == list(range(1, len(events) + 1))


def test_history_pages_and_filters(local: Site) -> None:
    for number in range(5):
        local.add_call(f"c{number}")
    local.add("c1", CallEvent.CALL_ENDED, reason="hung_up")
    first = local.get("/api/calls?limit=3").json()
    second = local.get(f"/api/calls?limit=3&cursor={first['next_cursor']}").json()
    assert [call["session_id"] for call in first["calls"] + second["calls"]] == ["c4", "c3", "c2", "c1", "c0"]
    assert second["next_cursor"] is None
    assert [call["session_id"] for call in local.get("/api/calls?state=ended").json()["calls"]] == ["c1"]
    assert len(local.get("/api/calls?state=live").json()["calls"]) == 4


def test_messages_and_callbacks_are_listed(local: Site) -> None:
    talk(local)
    assert local.get("/api/callbacks").json()["messages"][0]["callback_number"] == "5550199"
    assert local.get("/api/messages").json()["messages"][0]["text"] == "Call Maria"


def test_health_does_not_wait_for_a_server_that_stalls(keyed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECKED_S", 0.05)
    keyed.rooms.is_stalled = True
    answer = keyed.get("/health")
    assert (answer.status_code, answer.json()["livekit"]) == (503, "down")


def test_health_says_what_is_down(keyed: Site) -> None:
    keyed.rooms.is_down = True
    answer = keyed.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "degraded", "call_log": "up", "livekit": "down"})


def test_metrics_count_what_the_log_has(keyed: Site) -> None:
    talk(keyed)
    keyed.log.append("c1", "transfer_ended", {"transfer_id": "x1", "disposition": "no_answer", "reason": ""})
    text = keyed.get("/metrics", OPERATOR).text
    assert 'warm_transfer_transfers_total{disposition="no_answer"} 1.0' in text
    assert "warm_transfer_live_calls 1.0" in text
