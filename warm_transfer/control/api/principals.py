"""Who asks: an operator, a human Agent B, a viewer, the caller of one call, or nobody known."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import jwt

from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.calls.withholding import withheld
from warm_transfer.settings import ApiKey, Settings
from warm_transfer.transfer.understanding.privacy import MASKED_BY_DEFAULT, PrivateKind

Role = Literal["operator", "agent", "viewer", "caller", "nobody"]

SESSION_TTL_S = 12 * 3600
"""One shift: a cookie that outlives it would be found on a shared desk."""
CALL_KEY_TTL_S = 4 * 3600
"""Longer than a call, so that its page can be loaded again to its end."""
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, and what that allows."""

    role: Role
    name: str = ""
    """Of the key; a human Agent B's is the roster id."""
    call_ids: frozenset[str] = field(default_factory=frozenset)
    """The caller's own calls."""
    is_local: bool = False
    """The local operator, who has no key and may act for any human Agent B."""
    masks: frozenset[PrivateKind] = MASKED_BY_DEFAULT
    """What they are not told; of a human Agent B, what the roster says."""

    def shown(self, call: CallSnapshot) -> CallSnapshot:
        """The call as they may know it."""
        # The log has masked the default kinds already, with more of the call before its eyes.
        return withheld(call, self.masks) if self.masks - MASKED_BY_DEFAULT else call

    def at_desk(self, masks: frozenset[PrivateKind]) -> "Principal":
        """The same one as a human Agent B who is not told these kinds."""
        return replace(self, masks=masks)

    def may_read(self, call: CallSnapshot) -> bool:
        """Whether this call exists for them at all."""
        if self.role in ("operator", "viewer"):
            return True
        return is_party(call, self.name) if self.role == "agent" else call.call_id in self.call_ids

    @property
    def may_read_all(self) -> bool:
        """Whether every call exists for them."""
        return self.role in ("operator", "viewer")

    @property
    def is_caller(self) -> bool:
        """Whether only a caller's view is for them."""
        return self.role in ("caller", "nobody")


NOBODY = Principal(role="nobody")
LOCAL_OPERATOR = Principal(role="operator", name="local", is_local=True)


def is_party(call: CallSnapshot, roster_id: str) -> bool:
    """Whether this target is rung or consulted now, or has the caller, or had them at the call's end.

    Who declined, or gave the caller back or on, is a party no longer: what is said from then on is not theirs.
    """
    if not (call.is_transferring or call.is_with_agent_b):
        return False
    attempts = call.transfers[-1].attempts
    return bool(attempts) and attempts[-1].target == roster_id and attempts[-1].disposition in (None, "completed")


class Keys:
    """Knows API keys, session cookies and call keys; keeps nothing, so every control instance knows the same."""

    def __init__(self, settings: Settings) -> None:
        self._keys: Sequence[ApiKey] = settings.api_key_list
        secret = settings.livekit_api_secret.get_secret_value().encode()
        # Its own secret: no token for LiveKit is a session here, and none of ours is one there.
        self._secret = hmac.digest(secret, b"warm-transfer control API", hashlib.sha256)

    @property
    def are_set(self) -> bool:
        """Whether there is any API key."""
        return bool(self._keys)

    def of_key(self, given: str) -> Principal | None:
        """Whose API key or call key this is; every key is compared, each in constant time."""
        digest = hashlib.sha256(given.encode()).digest()
        found: ApiKey | None = None
        for key in self._keys:
            if hmac.compare_digest(hashlib.sha256(key.key.get_secret_value().encode()).digest(), digest):
                found = key
        return Principal(role=found.role, name=found.name) if found else self.of_call_keys([given])

    def session(self, given: str) -> str | None:
        """The cookie that stands for an API key; None if the key is not known."""
        principal = self.of_key(given)
        if principal is None or principal.role == "caller":
            return None
        claims = {"sub": "session", "name": principal.name, "role": principal.role, "key": self._mark(given)}
        return self._signed(claims, SESSION_TTL_S)

    def of_session(self, cookie: str) -> Principal | None:
        """Whose session cookie this is; None once its key is no longer set."""
        claims = self._read(cookie, "session")
        marks = [self._mark(key.key.get_secret_value()) for key in self._keys]
        if claims is None or not any(hmac.compare_digest(mark, str(claims.get("key"))) for mark in marks):
            return None
        return Principal(role=cast(Role, claims["role"]), name=claims["name"])

    def call_key(self, call_id: str) -> str:
        """What proves a caller's right to this one call."""
        return self._signed({"sub": "call", "call": call_id}, CALL_KEY_TTL_S)

    def of_call_keys(self, given: Sequence[str]) -> Principal | None:
        """The caller of the calls that these call keys are for; None if none is good."""
        claims = [self._read(one, "call") for one in given]
        calls = frozenset(str(one["call"]) for one in claims if one)
        return Principal(role="caller", name="caller", call_ids=calls) if calls else None

    def _mark(self, key: str) -> str:
        return hmac.new(self._secret, key.encode(), hashlib.sha256).hexdigest()

    def _signed(self, claims: dict[str, str], ttl_s: int) -> str:
        return jwt.encode({**claims, "exp": int(time.time()) + ttl_s}, self._secret, algorithm=_ALGORITHM)

    def _read(self, token: str, subject: str) -> dict[str, str] | None:
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], subject=subject, options={"require": ["exp", "sub"]}
            )
        except (jwt.InvalidTokenError, ValueError):
            return None
        return dict(claims)
