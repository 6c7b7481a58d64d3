"""What every route works with: the settings, the call log, the LiveKit server, the keys and who can be Agent B."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from warm_transfer.calls.folding import fold
from warm_transfer.calls.log import CallLog
from warm_transfer.calls.presence import Presence
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.feed import Feed
from warm_transfer.control.api.presences import Presences
from warm_transfer.control.api.principals import Keys
from warm_transfer.control.api.roster import Listed
from warm_transfer.control.api.views import AgentView
from warm_transfer.settings import Settings
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess
from warm_transfer.transfer.understanding.privacy import PRIVATE_KINDS, PrivateKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One per process; nothing in it that another control process could not rebuild."""

    settings: Settings
    log: CallLog
    rooms: Rooms
    server: ServerAccess
    keys: Keys
    roster: tuple[Listed, ...]
    presences: Presences
    feed: Feed

    def call(self, session_id: str) -> CallSnapshot | None:
        """The call as it is now, None if there is none; blocks."""
        events = self.log.events(session_id)
        return fold(events) if events else None

    def masks_for(self, roster_id: str) -> frozenset[PrivateKind]:
        """What that target is not told; everything private, if it is not on the roster."""
        found = next((one for one in self.roster if one.id == roster_id), None)
        return PRIVATE_KINDS if found is None else frozenset(kind for kind in PRIVATE_KINDS if kind in found.masks)

    def agents(self) -> list[AgentView]:
        """Agent A, and everybody on the roster; blocks."""
        return agent_views(self.roster, self.presences.board.read())

    def known_agents(self) -> list[AgentView]:
        """As `agents`, as last read; at most a second old."""
        return agent_views(self.roster, self.presences.known)

    @property
    def browser_url(self) -> str:
        """LiveKit's address for a page."""
        return self.settings.livekit_public_url or self.settings.livekit_url

    @property
    def is_https(self) -> bool:
        """Whether the pages come over TLS, so that cookies must not travel otherwise."""
        return self.settings.public_url.startswith("https://")


def control_of(connection: HTTPConnection) -> Control:
    """The app's."""
    return cast(Control, connection.app.state.control)


def agent_views(roster: tuple[Listed, ...], presence: Mapping[str, Presence]) -> list[AgentView]:
    """Agent A, then the roster; an AI is always available, a person without a desk is away."""
    agent_a = AgentView(
        identity="agent_a",
        role="agent_a",
        roster_id=None,
        name="Agent A",
        title="receptionist",
        skills=[],
        kind="ai",
        presence="available",
    )
    return [agent_a, *(_agent_view(one, presence.get(one.id, "away")) for one in roster)]


def _agent_view(one: Listed, presence: Presence) -> AgentView:
    return AgentView(
        identity=f"agent_b_{one.id}",
        role="agent_b",
        roster_id=one.id,
        name=one.name,
        title=one.title,
        skills=list(one.skills),
        kind=one.kind,
        presence="available" if one.kind == "ai" else presence,
    )
