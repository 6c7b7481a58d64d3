"""A person is moved to as the caller can be moved, gets its attendant for sure, and is told when not needed."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from warm_transfer.stand.soak.virtual_loop import VirtualLoop
from warm_transfer.transfer import events
from warm_transfer.transfer.errors import TargetUnavailableError
from warm_transfer.transfer.livekit_adapter import human_line
from warm_transfer.transfer.livekit_adapter.human_line import HumanTargetLine
from warm_transfer.transfer.livekit_adapter.target_line import FAREWELL_S, CallParties
from warm_transfer.transfer.terms import Disposition, Move, Offer
from warm_transfer.transfer.wire import ConsultMessage, Dismiss, InPlace, Ready

OFFER = Offer(transfer_id="0123456789", target="dana", skill="billing", reason="charged twice")
DESK = "desk_dana-1"
GOODBYE = "The caller has stopped the transfer."


class Ringing:
    """Stands for server, consult room, presence board and voice of one call that rings at Dana's desk."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.sent: list[tuple[ConsultMessage, str | None]] = []
        self.posted: list[events.Event] = []
        self.presence = "available"
        self.hears_unannounced = True
        self.has_peer = False
        self.room = self
        self.local_participant = SimpleNamespace(track_publications={})
        self.remote_participants: dict[str, object] = {}
        self.handlers: dict[str, Callable[..., None]] = {}
        self.take: Callable[[ConsultMessage], None]

    def on(self, event: str, handler: Callable[..., None]) -> None:
        self.handlers[event] = handler

    def register_text_stream_handler(self, *_: object) -> None:
        pass

    def isconnected(self) -> bool:
        return True

    async def connect(self, *, on_message: Callable[[ConsultMessage], None], on_peer_left: object) -> None:
        self.take = on_message

    async def send(self, message: ConsultMessage, *, to: str | None = None) -> None:
        self.sent.append((message, to))

    async def create(self, name: str, *, empty_timeout_s: float) -> None:
        self.did.append(f"create {name.split('-')[0]}")

    async def delete(self, name: str) -> None:
        self.did.append(f"delete {name.split('-')[0]}")

    async def close(self) -> None:
        pass

    async def dispatch(self, _: str, room: str, metadata: str) -> str:
        self.did.append(f"dispatch {room.split('-')[0]} at {asyncio.get_running_loop().time():.0f}")
        return "AD_1"

    async def move(self, name: str, identity: str, destination: str) -> None:
        self.did.append(f"move {identity} from {name} to {destination.split('-')[0]}")

    def engage(self, *_: object) -> str:
        return self.presence

    def release(self, *_: object) -> None:
        pass

    async def attach(self, *_: object) -> None:
        pass

    async def detach(self) -> None:
        pass

    async def say(self, text: str) -> None:
        self.did.append(f"say {text}")

    def answer(self) -> None:
        """The person comes to the consult room."""
        person = SimpleNamespace(identity=DESK)
        self.remote_participants[DESK] = person
        self.handlers["participant_connected"](person)


def line(ringing: Ringing, monkeypatch: pytest.MonkeyPatch) -> HumanTargetLine:
    me = cast(Any, ringing)

    def link(*_: object, peer: str, **__: object) -> Ringing:
        return ringing if peer else Ringing()  # nobody comes into the final room

    monkeypatch.setattr(human_line, "ConsultLink", link)
    return HumanTargetLine(
        access=me,
        rooms=me,
        parties=CallParties(
            call_id="c",
            epoch=1,
            agent_name="name",
            agent_a_identity="agent_a-1",
            caller_identity="caller",
            caller_room=cast(Any, SimpleNamespace(name="caller-1")),
        ),
        board=me,
        record=lambda *_: None,
        make_voice=lambda _: me,
        farewells={Disposition.CANCELLED: GOODBYE},
        decision="Say connect.",
        has_accepted=lambda: False,
        ring_timeout_s=30,
        dispatch_timeout_s=3,
        longest_s=60,
    )


def in_virtual_time(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


async def rung(ringing: Ringing, monkeypatch: pytest.MonkeyPatch, move: Move) -> HumanTargetLine:
    """The line with the person in the consult room."""
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    ring = line(ringing, monkeypatch)
    await ring.open(OFFER, move, ringing.posted.append, lambda _: None)
    ringing.answer()
    await asyncio.sleep(0.1)
    assert ringing.posted == [events.TargetAnswered(DESK)]
    return ring


async def at_once(work: Callable[..., object], *args: object) -> object:
    """In place of a thread, which virtual time does not know."""
    return work(*args)


def test_person_who_is_in_another_call_by_now_is_busy_and_not_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(asyncio, "to_thread", at_once)
        ringing = Ringing()
        ringing.presence = "busy"
        await line(ringing, monkeypatch).open(OFFER, Move.CLIENT_MOVE, ringing.posted.append, lambda _: None)
        assert ringing.posted == [events.TargetBusy()]
        assert ringing.did == []

    in_virtual_time(run())


def test_person_who_is_away_by_now_is_unavailable_and_not_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(asyncio, "to_thread", at_once)
        ringing = Ringing()
        ringing.presence = "away"
        with pytest.raises(TargetUnavailableError, match="nobody is at the desk"):
            await line(ringing, monkeypatch).open(OFFER, Move.CLIENT_MOVE, ringing.posted.append, lambda _: None)
        assert ringing.did == []

    in_virtual_time(run())


def test_server_moves_the_caller_once_the_person_is_in_the_final_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing()
        ring = await rung(ringing, monkeypatch, Move.CLOUD_MOVE)
        assert "create final" in ringing.did
        assert "dispatch final at 0" in ringing.did
        ringing.take(Ready())
        moving = asyncio.create_task(ring.move_caller(Move.CLOUD_MOVE))
        await asyncio.sleep(1)
        assert not any(one.startswith("move") for one in ringing.did)
        ringing.take(InPlace())
        await moving
        assert ringing.did[-1] == "move caller from caller-1 to final"
        await ring.close()

    in_virtual_time(run())


def test_attendant_is_asked_for_until_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing()
        ring = await rung(ringing, monkeypatch, Move.JOIN_CALLER_ROOM)
        await asyncio.sleep(4)
        ringing.take(Ready())
        await asyncio.sleep(20)
        asked = [one for one in ringing.did if one.startswith("dispatch")]
        assert asked == ["dispatch caller at 0", "dispatch caller at 3"]
        await ring.close()

    in_virtual_time(run())


def test_nobody_is_asked_for_once_the_consult_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing()
        ring = await rung(ringing, monkeypatch, Move.CLIENT_MOVE)
        await ring.dismiss(Disposition.DECLINED)
        await asyncio.sleep(20)
        assert [one for one in ringing.did if one.startswith("dispatch")] == ["dispatch final at 0"]

    in_virtual_time(run())


def test_person_who_is_not_needed_any_more_is_told_in_writing_and_by_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing()
        ring = await rung(ringing, monkeypatch, Move.CLIENT_MOVE)
        ringing.sent.clear()
        await ring.dismiss(Disposition.CANCELLED)
        assert ringing.sent == [(Dismiss(disposition="cancelled", text=GOODBYE), DESK)]
        assert f"say {GOODBYE}" in ringing.did
        assert asyncio.get_running_loop().time() < FAREWELL_S

    in_virtual_time(run())


def test_person_who_declined_is_told_nothing_by_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        ringing = Ringing()
        ring = await rung(ringing, monkeypatch, Move.CLIENT_MOVE)
        await ring.dismiss(Disposition.DECLINED)
        assert not any(one.startswith("say") for one in ringing.did)

    in_virtual_time(run())
