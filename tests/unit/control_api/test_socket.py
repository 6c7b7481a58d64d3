from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from tests.unit.control_api.site import DANA, OPERATOR, ROBIN, Site
from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import fold
from warm_transfer.control.api.feed import MOST_QUEUED, Follower, Told


def hello(last_seq: int | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "hello", "last_seq": last_seq, "calls": None, **more}


def next_of(socket: Any, kind: str) -> dict[str, Any]:
    while (message := socket.receive_json())["type"] != kind:
        pass
    return dict(message)


def test_client_is_told_what_is_and_then_what_happens(local: Site) -> None:
    local.add_call("c1")
    with local.client.websocket_connect("ws://127.0.0.1:8080/ws/me") as socket:
        socket.send_json(hello())
        first = socket.receive_json()
        assert first["type"] == "snapshot"
        calls = {call["session_id"] for call in first["data"]["calls"]}
        local.add("c1", CallEvent.TURN_SPOKEN, turn_id="t2", speaker="agent_a", text="I see.", room="caller-1")
        turn = next_of(socket, "transcript")
        assert calls == {"c1"}
        assert turn["data"]["turn"]["text"] == "I see."
        assert turn["seq"] > first["seq"]


def test_client_that_comes_back_misses_nothing_and_is_told_nothing_twice(local: Site) -> None:
    local.add_call("c1")
    local.ring("c1")
    events = local.log.events("c1")
    with local.client.websocket_connect("ws://127.0.0.1:8080/ws/me") as socket:
        socket.send_json(hello(events[4].seq))
        missed = [next_of_any(socket) for _ in events[5:]]
        local.add("c1", CallEvent.TURN_SPOKEN, turn_id="t2", speaker="caller", text="Hm.", room="caller-1")
        last = next_of(socket, "transcript")
    assert [message["seq"] for message in missed] == [event.seq for event in events[5:]]
    assert last["seq"] > missed[-1]["seq"]


def next_of_any(socket: Any) -> dict[str, Any]:
    while (message := socket.receive_json())["type"] == "agent_status":
        pass
    return dict(message)


def test_number_of_another_log_gets_a_snapshot(local: Site) -> None:
    with local.client.websocket_connect("ws://127.0.0.1:8080/ws/me") as socket:
        socket.send_json(hello(10**9))
        assert socket.receive_json()["type"] == "snapshot"


def test_desk_hears_of_its_ring_and_of_its_end_and_of_nothing_else(keyed: Site) -> None:
    keyed.add_call("other")
    keyed.add_call("c1")
    with keyed.client.websocket_connect("ws://127.0.0.1:8080/ws/desk") as socket:
        socket.send_json(hello(key=DANA))
        assert socket.receive_json()["data"]["calls"] == []
        keyed.ring("other", "robin")
        keyed.ring("c1", "dana")
        rung = next_of(socket, "transfer_update")
        ended = {"transfer_id": "x1", "target": "dana", "disposition": "no_answer", "reason": ""}
        keyed.log.append("c1", "attempt_ended", ended)
        updates = [rung]
        while updates[-1]["data"]["event"] != "attempt_ended":
            updates.append(next_of(socket, "transfer_update"))
        assert {update["data"]["session_id"] for update in updates} == {"c1"}
        assert updates[-2]["data"]["transfer"]["attempts"][0]["ring_until"] is not None


def test_caller_hears_of_the_own_call_alone(keyed: Site) -> None:
    own = keyed.post("/api/calls/create").json()
    keyed.add_call("other")
    with keyed.client.websocket_connect("ws://127.0.0.1:8080/ws/page") as socket:  # by cookie
        socket.send_json(hello(calls=["other", own["session_id"]]))
        first = socket.receive_json()
    assert [call["session_id"] for call in first["data"]["calls"]] == [own["session_id"]]
    assert first["data"]["agents"] == []


@pytest.mark.parametrize(
    ("first", "headers", "code"),
    [
        ({"type": "hello"}, {}, 4401),
        ({"type": "hello", "key": "wrong"}, {}, 4401),
        ({"type": "hello", "key": OPERATOR}, {"Origin": "http://evil.example"}, 4401),
        ({"type": "what"}, {}, 4400),
    ],
)
def test_stranger_is_told_nothing(keyed: Site, first: dict[str, Any], headers: dict[str, str], code: int) -> None:
    with keyed.client.websocket_connect("ws://127.0.0.1:8080/ws/x", headers=headers) as socket:
        socket.send_json(first)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == code


def test_desk_is_there_while_it_is_connected(keyed: Site) -> None:
    with keyed.client.websocket_connect("ws://127.0.0.1:8080/ws/desk") as socket:
        socket.send_json(hello(key=ROBIN, presence="available"))
        socket.receive_json()
        assert keyed.get("/api/agents/agent_b_robin", OPERATOR).json()["presence"] == "available"
        socket.send_json({"type": "presence", "presence": "busy"})
        robin: dict[str, Any] = {}
        while robin.get("presence") != "busy":
            agents = next_of(socket, "agent_status")["data"]["agents"]
            robin = next(one for one in agents if one["identity"] == "agent_b_robin")


def test_client_that_lags_is_dropped_and_holds_up_nobody(local: Site) -> None:
    local.add_call("c1")
    event = local.log.events("c1")[0]
    slow, quick = Follower(), Follower()
    for _ in range(MOST_QUEUED + 1):
        slow.put(Told(None, event, fold([event])))
    quick.put(Told(None, event, fold([event])))
    assert (slow.is_too_slow, quick.is_too_slow) == (True, False)
