"""Routes that swap an API key for a cookie, so that a page need not keep the key."""

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.requests import HTTPConnection

from warm_transfer.control.api.access import SESSION_COOKIE, Anyone, require_own_origin
from warm_transfer.control.api.errors import ApiError, faults
from warm_transfer.control.api.principals import SESSION_TTL_S, Role
from warm_transfer.control.api.reading import TheControl
from warm_transfer.control.api.requests import KeyGiven
from warm_transfer.control.api.views import View

router = APIRouter(prefix="/api/session", tags=["session"])


class Session(View):
    """Who you are here."""

    role: Role = Field(description="nobody: an API key is needed, save for a new call.")
    name: str = Field(description="Of the key; of a human Agent B the roster id.")
    is_local: bool = Field(description="The local operator, who may act for any human Agent B by ?agent=.")


@router.get("", responses=faults(401, 403))
async def show_session(principal: Anyone) -> Session:
    """Who you are here, by cookie or key."""
    return Session.model_validate(principal)


@router.post("", responses=faults(401, 403))
async def open_session(body: KeyGiven, connection: HTTPConnection, control: TheControl, response: Response) -> Session:
    """Swap an API key for an HttpOnly cookie of 12 h; it ends at once when its key is removed."""
    require_own_origin(connection, control.settings)
    cookie = control.keys.session(body.key)
    principal = control.keys.of_session(cookie) if cookie else None
    if cookie is None or principal is None:
        raise ApiError(401, "unknown_key", "This key is not known.", {"WWW-Authenticate": "Bearer"})
    response.set_cookie(
        SESSION_COOKIE, cookie, max_age=SESSION_TTL_S, httponly=True, samesite="strict", secure=control.is_https
    )
    return Session.model_validate(principal)


@router.delete("", status_code=204, responses=faults(403))
async def close_session(connection: HTTPConnection, control: TheControl, response: Response) -> None:
    """Forget the cookie."""
    require_own_origin(connection, control.settings)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict", secure=control.is_https)
