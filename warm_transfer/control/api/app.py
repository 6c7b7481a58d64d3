"""The app: every route, every limit, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from warm_transfer.calls.log import CallLog
from warm_transfer.calls.presence import PresenceBoard
from warm_transfer.control.api import (
    commanding,
    desks,
    health,
    livekit_webhook,
    pages,
    placing,
    reading,
    records,
    sessions,
    socket,
    twilio_calls,
)
from warm_transfer.control.api.access import check_doors
from warm_transfer.control.api.control import Control
from warm_transfer.control.api.errors import add_fault_handlers
from warm_transfer.control.api.feed import Feed
from warm_transfer.control.api.limits import Limits, RequestLimits
from warm_transfer.control.api.presences import Presences
from warm_transfer.control.api.principals import Keys
from warm_transfer.control.api.reference import add_reference
from warm_transfer.control.api.roster import read_roster
from warm_transfer.control.api.safe_headers import SafeHeaders
from warm_transfer.settings import Settings, listed
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess

DESCRIPTION = """
Calls, transfers and the people who take them. Errors are `{code, message}`. A call id that isn't yours is answered as
one that doesn't exist. Every command goes to the call's own job, which alone decides: 409 says why it would not, 504
that it did not answer. `/ws/{client_id}` tells what happens as it happens.
"""

_PARTS = (placing, reading, commanding, desks, records, sessions, twilio_calls, livekit_webhook, health, socket)


def create_app(
    settings: Settings,
    *,
    open_rooms: Callable[[ServerAccess], Rooms] = Rooms,
    make_twilio_client: twilio_calls.ClientMaker = twilio_calls.make_client,
) -> FastAPI:
    """The control API for these settings; nothing is opened before it starts.

    Raises:
        SettingsError: it would be open to others without a key, or the roster can't be read.
    """
    check_doors(settings)
    roster = read_roster(settings.roster_file)

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        server = ServerAccess.of(settings)
        log = CallLog(settings.call_log_url)
        async with open_rooms(server) as rooms:
            app.state.control = control = Control(
                settings=settings,
                log=log,
                rooms=rooms,
                server=server,
                keys=Keys(settings),
                roster=roster,
                presences=Presences(PresenceBoard(log)),
                feed=Feed(log),
            )
            tasks = [
                asyncio.create_task(control.feed.run(), name="feed"),
                asyncio.create_task(control.presences.run(), name="presences"),
                asyncio.create_task(records.keep_up(settings, log), name="upkeep"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                log.close()

    app = FastAPI(
        title="warm-transfer",
        version="1",
        description=DESCRIPTION,
        lifespan=run,
        openapi_url=None,  # add_reference serves it, and what FastAPI makes of it
    )
    app.state.limits = Limits(settings)
    app.state.checks = health.Checks()
    app.state.make_twilio_client = make_twilio_client
    app.add_middleware(RequestLimits)
    if origins := listed(settings.cors_origins):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(SafeHeaders)  # the outermost: the limits' answers have them, too
    add_fault_handlers(app)
    for part in _PARTS:
        app.include_router(part.router)
    add_reference(app)
    pages.add_pages(app, settings.web_dir)
    return app
