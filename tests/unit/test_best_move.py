"""How a caller gets to a target: the best way that client, server and this call so far allow."""

from dataclasses import dataclass, field
from typing import cast

import pytest
from livekit import rtc

from agents.best_move import best_move
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import CLIENT_ATTRIBUTE

CLIENT, CLOUD, JOIN = Move.CLIENT_MOVE, Move.CLOUD_MOVE, Move.JOIN_CALLER_ROOM


@dataclass
class FakePublication:
    kind: rtc.TrackKind.ValueType = rtc.TrackKind.KIND_AUDIO


@dataclass
class FakeCaller:
    attributes: dict[str, str]
    track_publications: dict[str, FakePublication]


@dataclass
class FakeRoom:
    remote_participants: dict[str, FakeCaller] = field(default_factory=dict)


def room_with(*, announces_move: bool, has_microphone: bool = True) -> rtc.Room:
    attributes = {CLIENT_ATTRIBUTE: "1"} if announces_move else {}
    tracks = {"TR_1": FakePublication()} if has_microphone else {}
    return cast("rtc.Room", FakeRoom({"caller": FakeCaller(attributes, tracks)}))


@pytest.mark.parametrize(
    ("announces_move", "can_cloud_move", "failed", "best"),
    [
        (True, True, (), CLIENT),
        (True, False, (), CLIENT),
        (False, True, (), CLOUD),
        (False, False, (), JOIN),
        (True, True, (CLIENT,), CLOUD),
        (True, False, (CLIENT,), JOIN),
        (False, True, (CLOUD,), JOIN),
        (True, True, (CLIENT, CLOUD), JOIN),
    ],
)
def test_best_way_that_has_not_failed_is_taken(
    announces_move: bool, can_cloud_move: bool, failed: tuple[Move, ...], best: Move
) -> None:
    room = room_with(announces_move=announces_move)
    assert best_move(room, "caller", can_cloud_move=can_cloud_move, failed=failed) is best


def test_caller_without_a_microphone_is_joined_for_nothing_would_prove_the_move() -> None:
    room = room_with(announces_move=True, has_microphone=False)
    assert best_move(room, "caller", can_cloud_move=True, failed=()) is JOIN


def test_caller_who_is_away_is_joined_when_back() -> None:
    assert best_move(cast("rtc.Room", FakeRoom()), "caller", can_cloud_move=True, failed=()) is JOIN
