"""Follows the call log once for all WebSockets: what is new goes into each one's queue, and none waits for another."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.folding import fold, step
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.snapshots import CallSnapshot

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""How long what happens in a call may take to a page; a read of an idle log takes 0.2 ms."""
AWAY_S = 1.0
PAGE = 500
MOST_QUEUED = 512
"""Messages that a client may lag behind before it is dropped: a minute of a busy call, and some."""
MOST_FOLDED = 2000
"""Calls kept folded; one that is let go is read from the log again."""


class Told:
    """One event, and its call before and after it."""

    __slots__ = ("after", "before", "event")

    def __init__(self, before: CallSnapshot | None, event: LoggedEvent, after: CallSnapshot) -> None:
        self.before = before
        self.event = event
        self.after = after


class Follower:
    """One reader's place in the feed."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._is_new = asyncio.Event()
        self.is_too_slow = False

    def put(self, told: Told) -> None:
        """Queue one; whoever lags too far behind gets nothing more."""
        if len(self._told) >= MOST_QUEUED:
            self.is_too_slow = True
        else:
            self._told.append(told)
        self._is_new.set()

    def forget(self, call_id: str) -> None:
        """Take out what waits of a call: its words are erased."""
        self._told = deque(one for one in self._told if one.event.call_id != call_id)

    async def next(self) -> Sequence[Told]:
        """What has come since, at least one; empty once it is too slow."""
        while not self._told and not self.is_too_slow:
            self._is_new.clear()
            await self._is_new.wait()
        if self.is_too_slow:
            return ()
        taken = tuple(self._told)
        self._told.clear()
        return taken


class Feed:
    """Reads the log's tail while `run` runs, from where the log stood then."""

    def __init__(self, log: CallLog) -> None:
        self._log = log
        self._followers: set[Follower] = set()
        self._calls: dict[str, CallSnapshot] = {}
        self._watchers: set[Callable[[Told], None]] = set()
        self.seq = 0
        """Of the latest event that every follower was given."""
        self._moved = asyncio.Event()
        self.is_up = False
        """Whether the log could be read last time."""

    def follow(self) -> Follower:
        """A place from now on: the first event in it is the one after `seq`."""
        follower = Follower()
        self._followers.add(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        """Give the place up."""
        self._followers.discard(follower)

    def watch(self, call: Callable[[Told], None]) -> Callable[[], None]:
        """Call with every event; gives what ends that."""
        self._watchers.add(call)
        return lambda: self._watchers.discard(call)

    async def reach(self, seq: int) -> None:
        """Return once this event was spread: who has just made a call finds it in the snapshot."""
        while self.seq < seq:
            await self._moved.wait()

    async def run(self) -> None:
        """Follow until cancelled; an outage of the log is waited out, and then nothing is missed."""
        is_placed = False
        while True:
            try:
                if not is_placed:
                    self.seq, is_placed = await asyncio.to_thread(self._log.head), True
                told = await asyncio.to_thread(self._read)
            except LogUnavailableError as error:
                self.is_up = False
                logger.warning("call log unavailable", extra={"cause": str(error.__cause__)})
                await asyncio.sleep(AWAY_S)
                continue
            self.is_up = True
            self._spread(told)
            if len(told) < PAGE:
                await asyncio.sleep(POLL_S)

    def _read(self) -> list[Told]:
        return [self._fold(event) for event in self._log.tail(self.seq, PAGE)]

    def _fold(self, event: LoggedEvent) -> Told:
        before = self._calls.pop(event.call_id, None)
        if before is None or event.type == CallEvent.CALL_ERASED:
            before = self._before(event)
        after = step(before, event) if before else fold([event])
        self._calls[event.call_id] = after
        while len(self._calls) > MOST_FOLDED:
            self._calls.pop(next(iter(self._calls)))
        return Told(before, event, after)

    def _before(self, event: LoggedEvent) -> CallSnapshot | None:
        earlier = [one for one in self._log.events(event.call_id) if one.call_seq < event.call_seq]
        return fold(earlier) if earlier else None

    def _spread(self, told: Sequence[Told]) -> None:
        if told:
            self._moved.set()
            self._moved = asyncio.Event()
        for one in told:
            self.seq = one.event.seq
            for watcher in tuple(self._watchers):
                watcher(one)
            for follower in self._followers:
                if one.event.type == CallEvent.CALL_ERASED:
                    follower.forget(one.event.call_id)
                follower.put(one)


def history(log: CallLog, after_seq: int, until_seq: int, most: int) -> list[Told] | None:
    """What happened after one seq and up to another, None if that is more than `most` events; blocks."""
    events = [event for event in log.tail(after_seq, most + 1) if event.seq <= until_seq]
    if len(events) > most:
        return None
    wanted = {event.seq for event in events}
    told: list[Told] = []
    for call_id in {event.call_id for event in events}:
        call: CallSnapshot | None = None
        for event in log.events(call_id):
            before, call = call, step(call, event) if call else fold([event])
            if event.seq in wanted:
                told.append(Told(before, event, call))
    return sorted(told, key=lambda one: one.event.seq)
