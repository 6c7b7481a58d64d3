import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from tests.unit.control_api.site import KEYS, VIEWER, Site, running
from warm_transfer.control.api import limits
from warm_transfer.control.api.app import create_app
from warm_transfer.control.api.limits import MOST_BODY_BYTES, Allowance, Limits
from warm_transfer.settings import Settings


def test_new_calls_are_counted_per_address_and_in_all(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, new_calls_per_minute=2, trusted_proxies="127.0.0.1") as site:
        answers = [site.post("/api/calls/create", **{"X-Forwarded-For": "203.0.113.7"}) for _ in range(3)]
        other = site.post("/api/calls/create", **{"X-Forwarded-For": "203.0.113.8"})
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    assert other.status_code == 201


def test_everybody_together_has_a_limit_too(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, new_calls_per_minute_in_all=1, trusted_proxies="127.0.0.1") as site:
        first = site.post("/api/calls/create", **{"X-Forwarded-For": "203.0.113.7"})
        second = site.post("/api/calls/create", **{"X-Forwarded-For": "203.0.113.8"})
    assert (first.status_code, second.status_code) == (201, 429)


def test_forwarded_address_is_believed_from_known_proxies_alone(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, new_calls_per_minute=1, peer="192.0.2.1") as site:
        answers = [site.post("/api/calls/create", **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [201, 429]


def test_machine_is_one_address_however_it_is_written() -> None:
    known = Limits(Settings(trusted_proxies="10.0.0.1"))

    def address(forwarded: str) -> str:
        headers = [(b"x-forwarded-for", forwarded.encode())]
        return known.address(HTTPConnection({"type": "http", "client": ("10.0.0.1", 1), "headers": headers}))

    assert address("2001:db8::1") == address("2001:db8::2") != address("2001:db8:0:1::1")
    assert address("::ffff:192.0.2.1") == address("192.0.2.1") != address("::ffff:192.0.2.2")


def test_limit_is_not_evaded_by_what_the_client_puts_before_the_proxy() -> None:
    known = Limits(Settings(trusted_proxies="10.0.0.1"))

    def address(*lines: str) -> str:
        headers = [(b"x-forwarded-for", line.encode()) for line in lines]
        return known.address(HTTPConnection({"type": "http", "client": ("10.0.0.1", 1), "headers": headers}))

    assert address("198.51.100.1", "203.0.113.7") == address("198.51.100.2, 203.0.113.7") == "203.0.113.7"
    assert address("203.0.113.7:4711") == address("203.0.113.7:4712") == "203.0.113.7"
    assert address("[2001:db8::1]:4711") == address("2001:db8::1")
    assert address("anything") == address("anything else") == address("") == "10.0.0.1"


def test_keys_are_not_guessed_faster_over_the_socket(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, requests_per_minute=10) as site:
        codes = []
        for number in range(12):
            with site.client.websocket_connect("ws://127.0.0.1:8080/ws/x") as socket:
                socket.send_json({"type": "hello", "key": f"guess {number}"})
                codes.append(socket.receive()["code"])
    assert codes == [4401] * 10 + [4429] * 2


def test_requests_are_limited(tmp_path: Path) -> None:
    with running(tmp_path, api_keys=KEYS, requests_per_minute=10) as site:
        codes = [site.get("/api/agents", VIEWER).status_code for _ in range(12)]
    assert codes == [200] * 10 + [429] * 2


def test_allowance_comes_back_with_time() -> None:
    now = 0.0
    allowance = Allowance(60, clock=lambda: now)
    assert [allowance.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert allowance.wait_s("a") > 0
    now = 1.0
    assert allowance.wait_s("a") == 0.0


def test_large_body_is_refused_before_it_is_read(local: Site) -> None:
    answer = local.client.post("/api/session", content=b"x" * (MOST_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "BODY_S", 0.05)
    app = create_app(Settings(call_log_url=f"sqlite:///{tmp_path}/calls.sqlite3"))
    parts = [{"type": "http.request", "body": b"{", "more_body": True}]
    answers: list[Any] = []

    async def receive() -> Any:
        return parts.pop() if parts else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        answers.append(message)

    path = "/api/calls/create"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [], "client": ("127.0.0.1", 1), "scheme": "http", "server": ("127.0.0.1", 8080)}
    await app(scope, receive, send)
    assert (answers[0]["status"], json.loads(answers[1]["body"])["code"]) == (408, "body_too_slow")


def test_answers_are_not_framed_guessed_or_kept(local: Site) -> None:
    answers = [local.get("/api/calls"), local.get("/api/calls/none"), local.get("/")]
    assert {answer.headers["x-frame-options"] for answer in answers} == {"DENY"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert [answer.headers.get("cache-control") for answer in answers[:2]] == ["no-store"] * 2


def test_connections_are_limited(tmp_path: Path) -> None:
    with (
        running(tmp_path, most_connections=1) as site,
        site.client.websocket_connect("ws://127.0.0.1:8080/ws/a") as first,
    ):
        first.send_json({"type": "hello"})
        assert first.receive_json()["type"] == "snapshot"
        with site.client.websocket_connect("ws://127.0.0.1:8080/ws/b") as second:
            assert second.receive()["code"] == 4429
