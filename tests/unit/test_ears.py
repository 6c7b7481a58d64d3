"""After a reconnect a job asks again to hear whom it heard."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agents.ears import hear_again


class Publication:
    def __init__(self, kind: rtc.TrackKind.ValueType) -> None:
        self.kind = kind
        self.asked: list[bool] = []

    def set_subscribed(self, is_subscribed: bool) -> None:
        self.asked.append(is_subscribed)


@pytest.mark.parametrize(("identity", "asked"), [(None, [[True], [True]]), ("caller", [[True], []])])
def test_sound_of_whom_it_heard_is_asked_for_after_every_reconnect(
    identity: str | None, asked: list[list[bool]]
) -> None:
    handlers: dict[str, Callable[[], None]] = {}
    room = SimpleNamespace(on=handlers.__setitem__, remote_participants={})
    hear_again(cast(Any, room), identity)
    sounds = [Publication(rtc.TrackKind.KIND_AUDIO) for _ in range(2)]
    picture = Publication(rtc.TrackKind.KIND_VIDEO)
    for who, sound in zip(("caller", "guest"), sounds, strict=True):  # they come with the reconnect
        publications = {"sound": sound, "picture": picture}
        room.remote_participants[who] = SimpleNamespace(identity=who, track_publications=publications)
    handlers["reconnected"]()
    assert [sound.asked for sound in sounds] == asked
    assert picture.asked == []
