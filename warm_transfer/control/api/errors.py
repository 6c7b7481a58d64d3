"""Every answer that is not a success: `{code, message}`, by one exception and three handlers."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from warm_transfer.calls.log import LogUnavailableError
from warm_transfer.transfer.errors import TargetUnavailableError

RETRY_AFTER_S = 1


class Fault(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable, snake case: for programs.", examples=["call_not_found"])
    message: str = Field(description="One sentence: for people.", examples=["There is no such call."])


class ApiError(Exception):
    """A refusal that the schema documents."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


_MEANINGS = {
    401: "No key, cookie or call key that is known.",
    403: "Known, but not allowed to do this, or a page of another origin.",
    404: "There is no such thing, or it is not yours: the answer is the same.",
    408: "The body came too slowly. Nothing was changed.",
    409: "Not possible in the state that the call is in; nothing was changed.",
    413: "The body is too large.",
    422: "A value is missing or malformed; the message names it. Nothing was changed.",
    429: "Too many requests; Retry-After says how long to wait, in seconds.",
    502: "The service that had to be asked refused.",
    503: "Something this needs is not there now, or not set up; the message names it.",
    504: "Sent, but the call's job did not answer within 3 s; the call is unchanged, or changes later.",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these; what any route may answer with is always there."""
    return {status: {"model": Fault, "description": _MEANINGS[status]} for status in (*statuses, 408, 413, 422, 429)}


def not_found(what: str = "call") -> ApiError:
    """The one answer for what does not exist and for what is somebody else's."""
    return ApiError(404, f"{what}_not_found", f"There is no such {what}.")


def add_fault_handlers(app: FastAPI) -> None:
    """Make every error of the app a Fault."""

    @app.exception_handler(ApiError)
    async def refuse(_: Request, error: ApiError) -> JSONResponse:
        return fault_response(error)

    @app.exception_handler(RequestValidationError)
    async def refuse_input(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if not isinstance(part, int)) or "body"
        return fault_response(ApiError(422, "bad_input", f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
        headers = dict(error.headers) if error.headers else None
        return fault_response(ApiError(error.status_code, code, str(error.detail), headers))

    @app.exception_handler(LogUnavailableError)
    async def miss_log(_: Request, error: LogUnavailableError) -> JSONResponse:
        return fault_response(ApiError(503, error.code, "The call log can't be used now.", _retry()))

    @app.exception_handler(TargetUnavailableError)
    async def miss_server(_: Request, error: TargetUnavailableError) -> JSONResponse:
        return fault_response(
            ApiError(503, "livekit_unavailable", f"{error.sentence[:1].upper()}{error.sentence[1:]}.", _retry())
        )

    @app.exception_handler(Exception)
    async def break_down(_: Request, error: Exception) -> JSONResponse:
        return fault_response(ApiError(500, "internal", "Something broke here; the server's log says what."))


def fault_response(error: ApiError) -> JSONResponse:
    """The error as it goes out."""
    return JSONResponse(
        Fault(code=error.code, message=error.message).model_dump(), status_code=error.status, headers=error.headers
    )


def _retry() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_S)}
