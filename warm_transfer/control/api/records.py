"""Routes over what is kept of a call: export it, erase it; and what keeps to RETAIN_DAYS by itself."""

import asyncio
import io
import json
import logging
import time
import zipfile
from dataclasses import asdict

from fastapi import APIRouter, Response

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import CallLog, LoggedEvent, LogUnavailableError
from warm_transfer.calls.snapshots import CallSnapshot
from warm_transfer.calls.spool import forget_set_aside
from warm_transfer.control.api.access import Operator, readable_call
from warm_transfer.control.api.errors import ApiError, faults
from warm_transfer.control.api.reading import SessionId, TheControl
from warm_transfer.control.api.views import CallDetail
from warm_transfer.settings import Settings

logger = logging.getLogger(__name__)

UPKEEP_S = 60.0
ERASED_AT_ONCE = 100
"""Per round: a log of many old calls is worked off without holding up live ones."""
NOBODY_CAME_S = 300.0
"""LiveKit closes the room of a call that nobody joins after 90 s; the log is told by now, if no webhook told it."""
DAY_S = 24 * 3600.0

router = APIRouter(prefix="/api/calls/{session_id}", tags=["records"])


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "A zip."}, **faults(401, 403, 404, 503)},
)
def export_call(session_id: SessionId, control: TheControl, principal: Operator) -> Response:
    """One call as a zip: `call.json` as shown here, `transcript.txt`, and `events.jsonl`, the log's own record."""
    call = readable_call(control, principal, session_id)
    archive = _zipped(call, control.log.events(session_id))
    name = {"Content-Disposition": f'attachment; filename="call-{session_id}.zip"'}
    return Response(archive, media_type="application/zip", headers=name)


@router.delete("", status_code=204, responses=faults(401, 403, 404, 409, 503))
def erase_call(session_id: SessionId, control: TheControl, principal: Operator) -> None:
    """Erase every word of a call that is over; when what happened stays. Once more changes nothing."""
    call = readable_call(control, principal, session_id)
    if call.ended_at is None:
        raise ApiError(409, "call_live", "The call goes on: end it first.")
    if not call.is_erased:
        control.log.erase(session_id, by=principal.name, reason="asked")


async def keep_up(settings: Settings, log: CallLog) -> None:
    """Until cancelled: erase what is too old, and end calls that nobody ever joined."""
    while True:
        try:
            await asyncio.to_thread(keep_up_once, settings, log, time.time())
        except LogUnavailableError as error:
            logger.warning("call log unavailable", extra={"cause": str(error.__cause__)})
        await asyncio.sleep(UPKEEP_S)


def keep_up_once(settings: Settings, log: CallLog, now: float) -> None:
    """One round; blocks."""
    if settings.retain_days:
        before = now - settings.retain_days * DAY_S
        for call_id in log.unerased_call_ids(before, ERASED_AT_ONCE):
            log.erase(call_id, by="control", reason="age")
        forget_set_aside(settings.unwritten_dir, before)
    for call_id in log.live_call_ids(now - DAY_S):
        events = log.events(call_id)
        if {event.type for event in events} == {CallEvent.CALL_CREATED} and events[0].at < now - NOBODY_CAME_S:
            end_unjoined(log, call_id)


def end_unjoined(log: CallLog, call_id: str) -> None:
    """Say that a call is over which nobody ever joined; twice is as good as once."""
    log.append(call_id, CallEvent.CALL_ENDED, {"reason": "nobody_came"}, event_id=f"unjoined-{call_id[:50]}")


def _zipped(call: CallSnapshot, events: list[LoggedEvent]) -> bytes:
    lines = "".join(json.dumps(asdict(event), ensure_ascii=False) + "\n" for event in events)
    said = "".join(f"{turn.speaker}: {turn.text}\n" for turn in call.transcript)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("call.json", CallDetail.of(call).model_dump_json(indent=2))
        archive.writestr("transcript.txt", said)
        archive.writestr("events.jsonl", lines)
    return written.getvalue()
