import pytest

from tests.unit.control_api.site import DANA, OPERATOR, ROBIN, Site
from warm_transfer.calls.events import CallEvent
from warm_transfer.control.api import sender


def sent(site: Site, number: int = -1) -> dict[str, object]:
    return dict(site.rooms.read("c1", site.rooms.sent[number][2]).command.model_dump())


def test_transfer_goes_to_the_job_that_has_the_call_and_waits_for_its_answer(local: Site) -> None:
    local.add_call("c1")
    answer = local.post("/api/calls/c1/transfer", json={"skill": " Billing ", "reason": "refund"})
    assert answer.status_code == 200
    assert local.rooms.sent[0][:2] == ("caller-1", "agent_a-1")
    assert sent(local) == {"type": "transfer", "skill": "billing", "reason": "refund"}
    applied = [event for event in local.log.events("c1") if event.type == CallEvent.COMMAND_APPLIED]
    assert applied[0].payload["command_id"] == answer.json()["command_id"]


def test_command_without_an_answer_is_a_504(local: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "ANSWER_S", 0.2)
    local.add_call("c1")
    local.rooms.is_mute = True
    assert local.post("/api/calls/c1/cancel").status_code == 504


def test_refused_command_says_why(local: Site) -> None:
    local.add_call("c1")
    local.rooms.refusal = ("illegal_event", "No transfer is under way.")
    answer = local.post("/api/calls/c1/cancel")
    assert (answer.status_code, answer.json()) == (
        409,
        {"code": "illegal_event", "message": "No transfer is under way."},
    )


def test_command_that_livekit_could_not_take_is_a_503(local: Site) -> None:
    local.add_call("c1")
    local.rooms.is_down = True
    assert local.post("/api/calls/c1/cancel").status_code == 503


def test_call_that_is_over_takes_no_command(local: Site) -> None:
    local.add_call("c1")
    local.add("c1", CallEvent.CALL_ENDED, reason="hung_up")
    assert local.post("/api/calls/c1/end").json()["code"] == "call_over"
    assert local.rooms.sent == []


def test_skill_that_nobody_has_is_named_and_sends_nothing(local: Site) -> None:
    local.add_call("c1")
    answer = local.post("/api/calls/c1/transfer", json={"skill": "astrology"})
    assert (answer.status_code, "body.skill" in answer.json()["message"]) == (422, True)
    assert local.rooms.sent == []


def test_only_who_is_rung_may_accept(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1", "dana")
    assert keyed.post("/api/calls/c1/accept", ROBIN).status_code == 404
    assert keyed.post("/api/calls/c1/accept", DANA).status_code == 200
    assert sent(keyed) == {"type": "accept", "attempt": "x1.dana"}
    assert keyed.post("/api/calls/c1/decline", DANA, json={"reason": "in a meeting"}).status_code == 200
    assert sent(keyed) == {"type": "decline", "attempt": "x1.dana", "reason": "in a meeting"}
    assert keyed.post("/api/calls/c1/wait", DANA).status_code == 200


def test_who_is_rung_may_not_end_the_call(keyed: Site) -> None:
    keyed.add_call("c1")
    keyed.ring("c1")
    assert keyed.post("/api/calls/c1/end", DANA).status_code == 409
    assert keyed.rooms.sent == []


def test_end_with_a_note_keeps_the_note_first(local: Site) -> None:
    local.add_call("c1")
    assert local.post("/api/calls/c1/end", json={"note": "Refund promised."}).status_code == 200
    assert [sent(local, 0)["type"], sent(local, 1)["type"]] == ["note", "end"]


def test_complete_accepts_for_who_is_consulted(keyed: Site) -> None:
    keyed.add_call("c1")
    assert keyed.post("/api/calls/c1/complete", OPERATOR).status_code == 409
    keyed.ring("c1")
    assert keyed.post("/api/calls/c1/complete", OPERATOR).status_code == 200
    assert sent(keyed) == {"type": "accept", "attempt": "x1.dana"}


def test_explanation_is_about_the_target_for_the_caller_and_the_briefing_for_agent_b(keyed: Site) -> None:
    made = keyed.post("/api/calls/create").json()
    keyed.add_call(made["session_id"])
    path = f"/api/calls/{made['session_id']}/explain"
    assert keyed.post(path).status_code == 409
    keyed.ring(made["session_id"])
    assert keyed.post(path).json()["text"].startswith("Dana, our ")
    assert keyed.post(path, json={"for": "agent_b"}).status_code == 403
    assert "Maria" in keyed.post(path, OPERATOR, json={"for": "agent_b"}).json()["text"]


def test_caller_joins_again_as_the_same_person_in_the_room_where_the_call_is(keyed: Site) -> None:
    made = keyed.post("/api/calls/create").json()
    again = keyed.post(f"/api/calls/{made['session_id']}/join").json()
    assert (again["room"], again["identity"]) == (made["room"], made["identity"])
    keyed.rooms.made.clear()
    assert keyed.post(f"/api/calls/{made['session_id']}/join").json()["code"] == "room_gone"


def test_call_that_could_not_be_made_is_over_at_once(local: Site) -> None:
    local.rooms.is_down = True
    assert local.post("/api/calls/create").status_code == 503
    assert local.get("/api/calls").json()["calls"][0]["end_reason"] == "not_created"


def test_presence_is_the_persons_own(keyed: Site) -> None:
    path = "/api/agents/agent_b_dana/presence"
    given = {"presence": "available"}
    assert keyed.client.put(path, json=given, headers={"Authorization": f"Bearer {ROBIN}"}).status_code == 403
    answer = keyed.client.put(path, json=given, headers={"Authorization": f"Bearer {DANA}"})
    assert answer.json()["presence"] == "available"
    assert keyed.get("/api/agents/agent_b_dana", OPERATOR).json()["presence"] == "available"
