"""Calls by phone: Twilio is asked for the right call, and only its signed request gets the way to the room."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from tests.unit.control_api.site import DANA, KEYS, OPERATOR, Site, running
from tests.unit.control_api.twilio_stand_in import BUSY_NUMBER, CALL_SID, SID, TOKEN, TwilioStandIn, twilio_stand_in

PUBLIC_URL = "https://calls.example.com"
NUMBER = "+14155552671"
PHONE: dict[str, Any] = {
    "twilio_account_sid": SID,
    "twilio_auth_token": SecretStr(TOKEN),
    "twilio_from_number": "+15105550100",
    "livekit_sip_host": "sip.example.com",
    "livekit_sip_username": "trunk",
    "livekit_sip_password": SecretStr("trunk-password"),
    "public_url": PUBLIC_URL,
    "api_keys": KEYS,
}


@pytest.fixture
def twilio() -> Iterator[TwilioStandIn]:
    with twilio_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def site(tmp_path: Path, twilio: TwilioStandIn) -> Iterator[Site]:
    """Behind a proxy: requests come from elsewhere, with a host name that is not the public one."""
    with running(tmp_path, peer="203.0.113.7", make_twilio_client=twilio.make_client, **PHONE) as site:
        yield site


def ring(site: Site, to: str = NUMBER, key: str | None = OPERATOR) -> Any:
    return site.post("/api/twilio/call", key, {"to": to})


def ask(site: Site, session_id: str, *, url: str | None = None, token: str = TOKEN, sent: dict[str, str]) -> Any:
    """Twilio's request for the call, signed for this URL."""
    path = f"/api/twilio/webhook/{session_id}"
    signature = RequestValidator(token).compute_signature(url or f"{PUBLIC_URL}{path}", SENT)
    return site.client.post(path, data=sent, headers={"X-Twilio-Signature": signature})


SENT = {"CallSid": CALL_SID, "From": "+15105550100", "To": NUMBER, "CallStatus": "in-progress"}


def test_number_is_called_and_twilio_is_told_the_way_to_the_calls_room(site: Site, twilio: TwilioStandIn) -> None:
    answer = ring(site)
    assert answer.status_code == 201
    session_id = answer.json()["session_id"]
    assert answer.json()["call_sid"] == CALL_SID
    assert twilio.asked == [
        {
            "To": NUMBER,
            "From": "+15105550100",
            "Url": f"{PUBLIC_URL}/api/twilio/webhook/{session_id}",
            "Method": "POST",
        }
    ]
    [room] = site.rooms.made
    assert site.rooms.dispatched[0][0] == room
    told = ask(site, session_id, sent=SENT)
    assert told.status_code == 200
    assert told.headers["content-type"].startswith("application/xml")
    assert f">sip:{room.removeprefix('phone_')}@sip.example.com;transport=tcp</Sip>" in told.text
    assert re.search(r'<Sip (?=.*username="trunk")(?=.*password="trunk-password")', told.text)
    assert 'answerOnBridge="true"' in told.text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"token": "another-token"}, SENT),
        ({"url": "https://elsewhere.example.com/api/twilio/webhook/x"}, SENT),
        ({}, SENT | {"To": "+14155550000"}),
        ({}, SENT | {"Extra": "1"}),
    ],
)
def test_request_that_twilio_did_not_sign_as_it_came_gets_nothing(
    site: Site, given: dict[str, str], sent: dict[str, str]
) -> None:
    session_id = ring(site).json()["session_id"]
    answer = ask(site, session_id, sent=sent, **given)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    bare = site.client.post(f"/api/twilio/webhook/{session_id}", data=SENT)
    assert bare.status_code == 403


def test_signed_request_for_a_call_that_is_no_phone_call_gets_nothing(site: Site) -> None:
    site.add_call("c1")
    assert ask(site, "c1", sent=SENT).status_code == 404
    assert ask(site, "unknown", sent=SENT).status_code == 404


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("4155552671", "country code"),
        ("+1415555", "valid"),
        ("+19005551234", "premium|valid"),
        ("+442071838750", "TWILIO_COUNTRIES"),
        ("+18005551234", "kind|valid"),
        ("sip:evil@example.com", "phone number"),
        ("+14155552671;ext=9", "valid"),
    ],
)
def test_number_that_may_not_be_called_is_refused_before_anything_is_made(
    site: Site, twilio: TwilioStandIn, number: str, why: str
) -> None:
    answer = ring(site, number)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("number_refused", "bad_input")
    assert re.search(why, answer.json()["message"])
    assert (twilio.asked, site.rooms.made) == ([], [])


def test_call_that_twilio_refuses_leaves_no_room(site: Site) -> None:
    answer = ring(site, BUSY_NUMBER)
    assert (answer.status_code, answer.json()["code"]) == (502, "twilio_refused")
    assert "21214" in answer.json()["message"]
    assert site.rooms.made == []


def test_twilio_that_is_away_is_a_503_and_leaves_no_room(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = TwilioStandIn(port)
    with running(tmp_path, peer="203.0.113.7", make_twilio_client=away.make_client, **PHONE) as site:
        answer = ring(site)
        assert (answer.status_code, answer.json()["code"]) == (503, "twilio_unreachable")
        assert site.rooms.made == []


def test_wrong_credentials_are_said_without_them(tmp_path: Path, twilio: TwilioStandIn) -> None:
    wrong = PHONE | {"twilio_auth_token": SecretStr("wrong")}
    with running(tmp_path, peer="203.0.113.7", make_twilio_client=twilio.make_client, **wrong) as site:
        answer = ring(site)
        assert answer.status_code == 502
        assert "wrong" not in answer.text


def test_only_an_operator_calls_by_phone(site: Site) -> None:
    assert ring(site, key=None).status_code == 401
    assert ring(site, key=DANA).status_code == 403


def test_missing_settings_are_named(local: Site) -> None:
    answer = local.post("/api/twilio/call", json={"to": NUMBER})
    assert answer.status_code == 503
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER", "LIVEKIT_SIP_HOST", "PUBLIC_URL"):
        assert name in answer.json()["message"]
