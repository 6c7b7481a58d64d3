"""The control API on a call log of its own, with a LiveKit server and call jobs that are fakes."""

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from pydantic import SecretStr

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog
from warm_transfer.control.api.app import create_app
from warm_transfer.control.api.twilio_calls import ClientMaker, make_client
from warm_transfer.settings import Settings
from warm_transfer.transfer.control_wire import COMMAND_TOPIC, read_command
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

OPERATOR, VIEWER, DANA, ROBIN = (f"{name}-key-of-enough-characters" for name in ("alice", "vera", "dana", "robin"))
KEYS = SecretStr(f"alice:operator:{OPERATOR},vera:viewer:{VIEWER},dana:agent:{DANA},robin:agent:{ROBIN}")
ADDRESS = "http://127.0.0.1:8080"


class FakeRooms(Rooms):
    """A LiveKit server that has every room it was asked for; commands reach `answer`, as a job would get them."""

    def __init__(self, access: ServerAccess) -> None:
        self.access = access
        self.made: list[str] = []
        self.dispatched: list[tuple[str, str]] = []
        self.sent: list[tuple[str, str, bytes]] = []
        self.is_down = False
        self.is_stalled = False
        """Takes requests and answers none."""
        self.log: CallLog | None = None
        self.refusal: tuple[str, str] | None = None
        self.is_mute = False

    async def __aenter__(self) -> "FakeRooms":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def create(self, name: str, *, empty_timeout_s: float) -> None:
        self._be_up()
        self.made.append(name)

    async def delete(self, name: str) -> None:
        self.made.remove(name)

    async def dispatch(self, agent_name: str, room: str, metadata: str) -> str:
        self._be_up()
        self.dispatched.append((room, metadata))
        return "AD_1"

    async def names(self, among: Collection[str] = ()) -> set[str]:
        if self.is_stalled:
            await asyncio.Event().wait()
        self._be_up()
        return set(self.made)

    async def send(self, name: str, identity: str, topic: str, payload: bytes) -> None:
        self._be_up()
        assert topic == COMMAND_TOPIC
        self.sent.append((name, identity, payload))
        if self.is_mute or self.log is None:
            return
        call_id = next(one for one in self.log.call_ids() if self._is_for(one, payload))
        command = self.read(call_id, payload)
        about = {"command_id": command.jti, "command": command.command.type}
        if self.refusal:
            code, reason = self.refusal
            self.log.append(call_id, CallEvent.COMMAND_REFUSED, about | {"code": code, "reason": reason})
        else:
            self.log.append(call_id, CallEvent.COMMAND_APPLIED, about)

    def read(self, call_id: str, payload: bytes) -> Any:
        """The command in a packet."""
        access = self.access
        return read_command(payload, call_id=call_id, api_key=access.api_key, api_secret=access.api_secret)

    def _is_for(self, call_id: str, payload: bytes) -> bool:
        try:
            self.read(call_id, payload)
        except Exception:
            return False
        return True

    def _be_up(self) -> None:
        if self.is_down:
            raise TargetUnavailableError("the LiveKit server could not be asked")


class Site:
    """A running control API, its log, and its fake LiveKit server."""

    def __init__(self, client: TestClient, log: CallLog, rooms: FakeRooms) -> None:
        self.client = client
        self.log = log
        self.rooms = rooms

    def add(self, call_id: str, type: CallEvent, **payload: Any) -> None:
        """Write one event."""
        self.log.append(call_id, type, payload)

    def add_call(self, call_id: str) -> None:
        """A call that Agent A has, with one turn."""
        self.add(call_id, CallEvent.CALL_STARTED, caller_room="caller-1", caller_identity="caller-1")
        job = {"role": "agent_a", "identity": "agent_a-1", "room": "caller-1", "pid": 1, "epoch": 1}
        self.add(call_id, CallEvent.JOB_STARTED, **job)
        self.add(
            call_id, CallEvent.TURN_SPOKEN, turn_id="t1", speaker="caller", text="My bill is wrong.", room="caller-1"
        )

    def ring(self, call_id: str, target: str = "dana") -> None:
        """Ring a person for the call's only transfer."""
        self.add(call_id, CallEvent.TRANSFER_OFFERED, transfer_id="x1", skill="billing", target=target, reason="bill")
        self.add(call_id, CallEvent.TRANSFER_REQUESTED, transfer_id="x1", target=target)
        self.add(call_id, CallEvent.ATTEMPT_BEGUN, transfer_id="x1", target=target, attempt=f"x1.{target}")
        rooms = {"consult_room": "consult-1", "final_room": "final-1", "move": "client_move"}
        self.add(call_id, CallEvent.CONSULT_OPENED, transfer_id="x1", **rooms)
        self.add(
            call_id, CallEvent.TARGET_RUNG, transfer_id="x1", target=target, attempt=f"x1.{target}", ring_timeout_s=15
        )
        briefing = {"caller_name": "Maria", "reason": "Bill", "tried": [], "asked": "Refund", "facts": []}
        self.add(call_id, CallEvent.BRIEFING_SENT, transfer_id="x1", briefing=briefing)

    def get(self, path: str, key: str | None = None, **headers: str) -> Any:
        """GET with this key."""
        return self.client.get(path, headers=authorized(key) | headers)

    def post(self, path: str, key: str | None = None, json: Any = None, **headers: str) -> Any:
        """POST with this key."""
        return self.client.post(path, headers=authorized(key) | headers, json=json)


def authorized(key: str | None) -> dict[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextmanager
def running(
    folder: Path, *, peer: str = "127.0.0.1", make_twilio_client: ClientMaker = make_client, **given: Any
) -> Iterator[Site]:
    """A control API with these settings beside the defaults, on a new log."""
    url = f"sqlite:///{folder}/calls.sqlite3"
    settings = Settings(**{"call_log_url": url, "web_dir": folder / "web", **given})
    made: list[FakeRooms] = []

    def open_rooms(access: ServerAccess) -> FakeRooms:
        made.append(FakeRooms(access))
        return made[-1]

    app = create_app(settings, open_rooms=open_rooms, make_twilio_client=make_twilio_client)
    client = TestClient(app, base_url=ADDRESS, client=(peer, 50000), raise_server_exceptions=False)
    with client, CallLog(url) as log:
        made[0].log = log
        while not app.state.control.feed.is_up:
            time.sleep(0.01)
        yield Site(client, log, made[0])
