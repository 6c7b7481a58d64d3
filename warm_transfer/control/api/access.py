"""Which principal a request or WebSocket has, and whether its page may ask at all."""

import ipaddress
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection

from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.control.api.control import Control, control_of
from warm_transfer.control.api.errors import ApiError, not_found
from warm_transfer.control.api.limits import limits_of
from warm_transfer.control.api.principals import LOCAL_OPERATOR, NOBODY, Principal, Role
from warm_transfer.settings import Settings, listed
from warm_transfer.transfer.errors import SettingsError

SESSION_COOKIE = "wt_session"
CALL_COOKIE_PREFIX = "wt_call_"
_FORWARDING = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
_UNAUTHORIZED = {"WWW-Authenticate": "Bearer"}


def is_loopback(host: str) -> bool:
    """Whether this name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_doors(settings: Settings) -> None:
    """Refuse to start with a door open to others that nobody has a key for.

    Raises:
        SettingsError: naming the setting.
    """
    if not settings.api_key_list and not is_loopback(settings.host):
        raise SettingsError("API_KEYS is not set: set it, or leave HOST=127.0.0.1, where no key is needed")
    if not settings.api_key_list and settings.public_url:
        raise SettingsError("API_KEYS is not set: PUBLIC_URL opens the API to others, who need keys")


def require_own_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Refuse a page of somebody else, whatever its cookies.

    Raises:
        ApiError: 403.
    """
    origin = connection.headers.get("origin")
    if origin is None or origin in listed(settings.cors_origins) or origin == settings.public_url:
        return
    host = connection.headers.get("host", "")
    # Behind a proxy the scheme that we see is not the page's; the name is.
    scheme, _, netloc = origin.partition("://")
    if scheme not in ("http", "https") or netloc != host:
        raise ApiError(403, "foreign_origin", "This page may not use the API: add its origin to CORS_ORIGINS.")


def principal_of(connection: HTTPConnection, control: Control, *, key: str | None = None) -> Principal:
    """Who asks; `key` is what a WebSocket's first message gave.

    Raises:
        ApiError: 401 for a key that is given and not known, 403 for a foreign page.
    """
    found = _found(connection, control, key)
    return found.at_desk(control.masks_for(found.name)) if found.role == "agent" else found


def _found(connection: HTTPConnection, control: Control, key: str | None) -> Principal:
    require_own_origin(connection, control.settings)
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    given = key or (bearer.strip() if scheme.lower() == "bearer" else "")
    if given:
        principal = control.keys.of_key(given)
        if principal is None:
            raise ApiError(401, "unknown_key", "This key is not known.", _UNAUTHORIZED)
        return principal
    if session := connection.cookies.get(SESSION_COOKIE):
        principal = control.keys.of_session(session)
        if principal is not None:
            return principal
    if is_local_operator(connection, control.settings):
        return LOCAL_OPERATOR
    calls = [value for name, value in connection.cookies.items() if name.startswith(CALL_COOKIE_PREFIX)]
    return control.keys.of_call_keys(calls) or NOBODY


def is_local_operator(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether somebody at this machine asks, with nothing between: no key is needed then."""
    return (
        not settings.api_key_list
        and not settings.public_url
        and is_loopback(settings.host)
        and connection.client is not None
        and is_loopback(connection.client.host)
        and is_loopback(_host(connection))  # a name that somebody else's DNS points here is not ours
        and not any(name in connection.headers for name in _FORWARDING)
    )


def _host(connection: HTTPConnection) -> str:
    """The name or address that was asked for; "" for what is neither."""
    try:
        return urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    except ValueError:  # as of "["
        return ""


async def the_principal(connection: HTTPConnection, control: Annotated[Control, Depends(control_of)]) -> Principal:
    """Who asks, a caller or nobody known included."""
    return principal_of(connection, control)


Anyone = Annotated[Principal, Depends(the_principal)]


async def may_create(connection: HTTPConnection, control: Annotated[Control, Depends(control_of)]) -> None:
    """A dependency: refuse a page of somebody else, and whoever makes too many calls."""
    require_own_origin(connection, control.settings)
    limits_of(connection).check_new_call(connection)


def one_of(*roles: Role) -> Callable[[Principal], Principal]:
    """A dependency that lets only these roles in."""

    def check(principal: Anyone) -> Principal:
        if principal.role == "nobody":
            raise ApiError(401, "key_needed", "An API key is needed: send it as Authorization: Bearer.", _UNAUTHORIZED)
        if principal.role not in roles:
            raise ApiError(403, "not_allowed", "This key's role does not allow it.")
        return principal

    return check


Operator = Annotated[Principal, Depends(one_of("operator"))]
Reader = Annotated[Principal, Depends(one_of("operator", "viewer"))]
Staff = Annotated[Principal, Depends(one_of("operator", "viewer", "agent"))]
Known = Annotated[Principal, Depends(one_of("operator", "viewer", "agent", "caller"))]


def readable_call(control: Control, principal: Principal, session_id: str) -> CallSnapshot:
    """The call, if it exists for them; blocks.

    Raises:
        ApiError: 404, the same for a call that does not exist and for one that is somebody else's.
    """
    call = control.call(session_id)
    if call is None or not principal.may_read(call):
        raise not_found()
    return principal.shown(call)
