import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.unit.control_api.site import DANA, KEYS, OPERATOR, ROBIN, VIEWER, Site, authorized, running
from warm_transfer.calls.events import CallEvent
from warm_transfer.control.api.app import create_app
from warm_transfer.settings import Settings
from warm_transfer.transfer.errors import SettingsError

STAFF_DOORS = ["/api/calls", "/api/agents", "/api/agents/agent_a", "/api/messages", "/api/callbacks", "/metrics"]


def test_local_operator_needs_no_key(local: Site) -> None:
    assert local.get("/api/agents").json()["agents"][0]["identity"] == "agent_a"
    assert local.get("/api/agents/agent_b_billing").json()["skills"] == ["billing", "refund", "invoice"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "203.0.113.7"},
    ],
)
def test_request_with_something_between_is_no_local_operator(local: Site, headers: dict[str, str]) -> None:
    assert local.get("/api/calls", **headers).status_code == 401


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "%", ""])
def test_host_that_is_none_is_no_local_operator(local: Site, host: str) -> None:
    assert local.get("/api/calls", Host=host).status_code == 401
    assert local.get("/api/calls", Host="127.0.0.1:8080", Origin=f"http://{host}").status_code == 403


def test_other_machine_is_no_local_operator(tmp_path: Path) -> None:
    with running(tmp_path, peer="192.0.2.9") as site:
        assert site.get("/api/calls").status_code == 401


@pytest.mark.parametrize("given", [{"host": "0.0.0.0"}, {"host": "::"}, {"public_url": "https://calls.example.com"}])
def test_door_to_others_without_keys_does_not_open(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="API_KEYS"):
        create_app(Settings(**given))


def test_with_keys_even_this_machine_needs_one(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS) as site:
        assert [site.get(door).status_code for door in STAFF_DOORS] == [401] * len(STAFF_DOORS)


def test_viewer_reads_everything_and_changes_nothing(keyed: Site) -> None:
    keyed.add_call("c1")
    assert [keyed.get(door, VIEWER).status_code for door in STAFF_DOORS] == [200] * len(STAFF_DOORS)
    assert keyed.post("/api/calls/c1/end", VIEWER).status_code == 403
    assert keyed.client.delete("/api/calls/c1", headers=authorized(VIEWER)).status_code == 403
    assert keyed.rooms.sent == []


def test_wrong_key_is_refused(keyed: Site) -> None:
    answer = keyed.get("/api/calls", OPERATOR[:-1] + "x")
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")


def test_anybody_may_call_and_sees_that_call_alone(keyed: Site) -> None:
    keyed.add_call("theirs")
    made = keyed.post("/api/calls/create?caller_identity=test_caller").json()
    own = keyed.get(f"/api/calls/{made['session_id']}")
    assert (own.status_code, own.json()["caller_name"], own.json()["state"]) == (200, "test_caller", "created")
    assert keyed.get("/api/calls").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "/join", None),
        ("POST", "/cancel", None),
        ("POST", "/end", None),
        ("POST", "/transfer", {"skill": "billing"}),
        ("POST", "/explain", None),
        ("POST", "/consult-token", None),
        ("POST", "/final-token", None),
        ("POST", "/target-token", None),
        ("POST", "/accept", None),
        ("POST", "/decline", None),
        ("POST", "/wait", None),
        ("POST", "/complete", None),
        ("POST", "/note", {"note": "x"}),
        ("POST", "/hand-back", None),
        ("POST", "/transfer-on", {"skill": "billing"}),
    ],
)
@pytest.mark.parametrize("who", ["caller", "robin"])
def test_foreign_call_cannot_be_told_from_none(keyed: Site, who: str, method: str, path: str, body: Any) -> None:
    keyed.add_call("theirs")
    keyed.ring("theirs", "dana")
    key = keyed.post("/api/calls/create").json()["call_key"] if who == "caller" else ROBIN
    keyed.client.cookies.clear()
    theirs, none = (
        keyed.client.request(method, f"/api/calls/{call}{path}", headers=authorized(key), json=body)
        for call in ("theirs", "nosuch")
    )
    assert (theirs.status_code, theirs.content) == (none.status_code, none.content)
    assert theirs.status_code == 404
    assert keyed.rooms.sent == []


def test_person_sees_a_call_while_it_rings_and_not_after_declining(keyed: Site) -> None:
    keyed.add_call("c1")
    assert keyed.get("/api/calls/c1", DANA).status_code == 404
    keyed.ring("c1")
    assert keyed.get("/api/calls/c1", DANA).json()["transfers"][0]["briefing"]["caller_name"] == "Maria"
    ended = {"transfer_id": "x1", "target": "dana", "disposition": "declined", "reason": "busy"}
    keyed.log.append("c1", "attempt_ended", ended)
    assert keyed.get("/api/calls/c1", DANA).status_code == 404


def complete(site: Site) -> None:
    site.add("c1", CallEvent.TARGET_ANSWERED, transfer_id="x1", identity="desk_dana-1")
    site.add("c1", CallEvent.TARGET_ACCEPTED, transfer_id="x1")
    site.add("c1", CallEvent.CALLER_MOVED, transfer_id="x1", final_room="final-1")
    site.log.append("c1", "attempt_ended", {"transfer_id": "x1", "target": "dana", "disposition": "completed"})
    site.log.append("c1", "transfer_ended", {"transfer_id": "x1", "disposition": "completed"})


def test_person_who_has_given_the_caller_back_has_no_part_in_the_call_any_more(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    complete(keyed)
    assert keyed.get("/api/calls/c1", DANA).status_code == 200
    assert keyed.post("/api/calls/c1/final-token", DANA).json()["room"] == "final-1"
    keyed.add("c1", CallEvent.JOB_STARTED, role="agent_a", identity="agent_a-2", room="final-1", pid=2, epoch=2)
    assert keyed.get("/api/calls/c1", DANA).status_code == 404
    doors = ("final-token", "end", "note", "hand-back", "transfer-on", "accept", "target-token", "explain")
    bodies = {"note": {"note": "x"}, "transfer-on": {"skill": "billing"}}
    answers = {door: keyed.post(f"/api/calls/c1/{door}", DANA, bodies.get(door)).status_code for door in doors}
    assert answers == dict.fromkeys(doors, 404)
    assert keyed.rooms.sent == []


def test_person_who_had_the_caller_at_the_end_still_sees_the_call(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    complete(keyed)
    keyed.add("c1", CallEvent.CALL_ENDED, reason="hung_up")
    assert keyed.get("/api/calls/c1", DANA).status_code == 200
    assert keyed.post("/api/calls/c1/final-token", DANA).status_code == 409


def test_person_who_is_rung_can_not_give_the_caller_away(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    answers = [
        keyed.post("/api/calls/c1/hand-back", DANA),
        keyed.post("/api/calls/c1/transfer-on", DANA, {"skill": "billing"}),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert keyed.rooms.sent == []


def test_caller_is_shown_no_word_of_the_consult(keyed: Site) -> None:
    made = keyed.post("/api/calls/create").json()
    keyed.add_call(made["session_id"])
    keyed.ring(made["session_id"])
    shown = keyed.get(f"/api/calls/{made['session_id']}").json()
    assert (shown["transfers"][0]["briefing"], shown["transfers"][0]["consult"]) == (None, [])
    assert shown["transcript"][0]["text"] == "My bill is wrong."


def test_key_is_swapped_for_a_cookie_that_scripts_cannot_read(keyed: Site) -> None:
    answer = keyed.post("/api/session", json={"key": VIEWER})
    flags = answer.headers["set-cookie"].lower()
    assert answer.json()["role"] == "viewer"
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert VIEWER not in flags
    assert keyed.get("/api/calls").status_code == 200
    assert keyed.client.delete("/api/session").status_code == 204
    assert keyed.get("/api/calls").status_code == 401


def test_cookie_is_for_tls_alone_when_the_pages_are(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, public_url="https://calls.example.com") as site:
        assert "secure" in site.post("/api/session", json={"key": VIEWER}).headers["set-cookie"].lower()
        assert "secure" in site.post("/api/calls/create").headers["set-cookie"].lower()


def test_cookie_ends_with_its_key(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS) as site:
        cookie = site.post("/api/session", json={"key": VIEWER}).cookies["wt_session"]
    with running(tmp_path, api_keys=f"alice:operator:{OPERATOR}") as site:
        site.client.cookies.set("wt_session", cookie)
        assert site.get("/api/calls").status_code == 401


def test_livekit_token_opens_nothing_here(keyed: Site) -> None:
    token = keyed.post("/api/calls/create").json()["token"]
    keyed.client.cookies.clear()
    assert keyed.get("/api/calls", token).status_code == 401
    forged = jwt.encode({"sub": "session", "role": "operator", "name": "x", "key": "", "exp": 2**33}, "devkey" * 8)
    keyed.client.cookies.set("wt_session", forged)
    assert keyed.get("/api/calls").status_code == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://"])
def test_foreign_page_is_refused_even_with_a_key(local: Site, origin: str) -> None:
    assert local.get("/api/calls", OPERATOR, Origin=origin).status_code == 403
    assert local.post("/api/calls/create", Origin=origin).status_code == 403
    assert local.rooms.made == []


def test_own_page_and_listed_pages_are_let_in(tmp_path: Path) -> None:
    with running(tmp_path, cors_origins="https://desk.example.com") as site:
        assert site.get("/api/calls", Origin="http://127.0.0.1:8080").status_code == 200
        answer = site.get("/api/calls", Origin="https://desk.example.com")
        assert answer.headers["access-control-allow-origin"] == "https://desk.example.com"


def test_call_token_is_for_one_room_one_made_up_identity_and_the_microphone(local: Site) -> None:
    made = local.post("/api/calls/create", json={"caller_identity": "agent_a"}).json()
    claims = json.loads(base64.urlsafe_b64decode(made["token"].split(".")[1] + "=="))
    grants = claims["video"]
    assert claims["sub"] == made["identity"]
    assert made["identity"].startswith("caller-")
    assert claims["name"] == "agent_a"
    assert grants["room"] == made["room"]
    assert grants["canPublishSources"] == ["microphone"]
    assert not {"roomAdmin", "roomCreate", "roomList", "roomRecord", "hidden"} & {
        name for name in grants if grants[name]
    }
    assert claims["exp"] - claims["nbf"] <= 600


def test_consult_token_is_for_who_is_rung_alone(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    token = keyed.post("/api/calls/c1/consult-token", DANA).json()
    assert token["room"] == "consult-1"
    assert token["identity"].startswith("desk_dana-")
    assert keyed.post("/api/calls/c1/consult-token", OPERATOR).status_code == 403
    assert keyed.post("/api/calls/c1/consult-token", ROBIN).status_code == 404
    assert keyed.post("/api/calls/c1/final-token", DANA).json()["code"] == "not_accepted"


def test_target_token_leads_into_the_final_room_of_a_caller_who_can_move(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    token = keyed.post("/api/calls/c1/target-token", DANA).json()
    assert token["room"] == "final-1"
    assert token["identity"].startswith("desk_dana-")
    assert keyed.post("/api/calls/c1/target-token", OPERATOR).status_code == 403
    rooms = {"consult_room": "consult-1", "final_room": "caller-1", "move": "join_caller_room"}
    keyed.add("c1", CallEvent.CONSULT_OPENED, transfer_id="x1", **rooms)
    assert keyed.post("/api/calls/c1/target-token", DANA).json()["code"] == "caller_cannot_move"


def test_final_token_is_the_same_identity_as_in_the_consult(local: Site) -> None:
    local.add_call("c1")
    local.ring("c1")
    local.log.append("c1", "target_answered", {"transfer_id": "x1", "identity": "desk_dana-1"})
    local.log.append("c1", "target_accepted", {"transfer_id": "x1"})
    token = local.post("/api/calls/c1/final-token?agent=dana").json()
    assert (token["room"], token["identity"]) == ("final-1", "desk_dana-1")
    assert local.post("/api/calls/c1/final-token?agent=robin").status_code == 404
