"""LiveKit's webhooks count only as LiveKit signed them, byte for byte."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

from livekit import api

from tests.unit.control_api.site import Site
from warm_transfer.settings import Settings

ACCESS = Settings()


def signed(body: bytes, *, secret: str | None = None, ttl: timedelta = timedelta(minutes=5)) -> str:
    """The header that LiveKit sends with this body."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = api.AccessToken(ACCESS.livekit_api_key, secret or ACCESS.livekit_api_secret.get_secret_value())
    return token.with_sha256(digest).with_ttl(ttl).to_jwt()


def finished(room: str) -> bytes:
    told = {"event": "room_finished", "id": "EV_1", "room": {"name": room, "sid": "RM_1"}, "createdAt": "1"}
    return json.dumps(told, indent=2).encode()


def send(site: Site, body: bytes, authorization: str | None) -> Any:
    headers = {"Content-Type": "application/webhook+json"} | ({"Authorization": authorization} if authorization else {})
    return site.client.post("/api/livekit/webhook", content=body, headers=headers)


def new_call(site: Site) -> tuple[str, str]:
    made = site.post("/api/calls/create").json()
    return made["session_id"], made["room"]


def state(site: Site, session_id: str) -> str:
    return str(site.get(f"/api/calls/{session_id}").json()["state"])


def test_room_that_closed_before_anybody_came_ends_its_call(local: Site) -> None:
    session_id, room = new_call(local)
    body = finished(room)
    answer = send(local, body, signed(body))
    assert answer.json() == {"event": "room_finished"}
    assert state(local, session_id) == "ended"


def test_what_livekit_did_not_sign_as_it_came_changes_nothing(local: Site) -> None:
    session_id, room = new_call(local)
    body = finished(room)
    compact = json.dumps(json.loads(body)).encode()  # the same JSON in other bytes
    old = signed(body, ttl=timedelta(seconds=-600))
    for sent, authorization in (
        (body, None),
        (body, "nonsense"),
        (body, signed(body, secret="another-secret-of-thirty-two-bytes!!")),
        (compact, signed(body)),
        (finished(f"{room}x"), signed(body)),
        (body, old),
        (b"\xff\xfe", signed(b"\xff\xfe")),
        (b"", signed(b"")),
    ):
        answer = send(local, sent, authorization)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature"), sent
    assert state(local, session_id) == "created"


def test_room_that_had_a_caller_is_no_unjoined_one(local: Site) -> None:
    local.add_call("c1")
    body = finished("caller-1")
    assert send(local, body, signed(body)).status_code == 200
    assert state(local, "c1") != "ended"
