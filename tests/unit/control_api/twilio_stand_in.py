"""What Twilio's API does when it is asked for a call, on loopback; the real `twilio` client speaks with it."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from warm_transfer.control.api.twilio_calls import Account

SID, TOKEN = "AC" + "0" * 32, "a-twilio-token-for-tests"
CALL_SID = "CA" + "1" * 32
BUSY_NUMBER = "+14155550111"


class TwilioStandIn:
    """Remembers each call that it was asked for; refuses wrong credentials and one number."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[dict[str, str]] = []

    def make_client(self, account: Account) -> Client:
        """Twilio's own client, whose requests come here."""
        return Client(account.sid, account.token, http_client=_Redirected(self.url))

    def answer(self, path: str, authorization: str, body: str) -> tuple[int, dict[str, Any]]:
        """As Twilio's documents have it."""
        if authorization != "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode():
            return 401, {"code": 20003, "message": "Authenticate", "status": 401}
        if path != f"/2010-04-01/Accounts/{SID}/Calls.json":
            return 404, {"code": 20404, "message": "not found", "status": 404}
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        if fields["To"] == BUSY_NUMBER:
            return 400, {"code": 21214, "message": "'To' phone number cannot be reached", "status": 400}
        self.asked.append(fields)
        return 201, {"sid": CALL_SID, "status": "queued", "to": fields["To"], "from": fields["From"]}


class _Redirected(TwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Sends everything to another host."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=5)
        self._base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, f"{self._base}{urlsplit(url).path}", *args, **kwargs)


@contextmanager
def twilio_stand_in() -> Iterator[TwilioStandIn]:
    """Serves while the context is open."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, told = stand_in.answer(self.path, self.headers.get("Authorization", ""), body)
            payload = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in = TwilioStandIn(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
