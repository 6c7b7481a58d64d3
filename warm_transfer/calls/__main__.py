"""`python -m warm_transfer.calls`: past calls in the terminal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from warm_transfer.calls.folding import fold, read_call
from warm_transfer.calls.log import CallLog, LoggedEvent
from warm_transfer.calls.snapshots import CallSnapshot, Message, TransferSnapshot
from warm_transfer.settings import load_settings
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import WarmTransferError

_SPEAKERS = {"caller": "Caller", "agent_a": "Agent A", "agent_b": "Agent B"}
_STYLES = {"caller": "cyan", "agent_a": "green", "agent_b": "magenta"}
_CONSULT_MARKS = {"question": "asks", "answer": "answers", "heard": "is heard"}
_SHORT_ID = 12  # of 32 hex digits: enough to tell calls apart, and to type
_NO_CALLS = "No calls yet. `make demo` places the first one."

Limit = Annotated[int, typer.Option("--limit", min=1, help="How many calls, the latest first.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a view for a person.")]

app = typer.Typer(
    help="Past calls, from the call log that CALL_LOG_URL names.",
    epilog="Without a command it lists. With make: `make calls`, `make calls CALL=<id>`.",
    add_completion=False,
    pretty_exceptions_enable=False,  # its traceback would print local variables: the words of a call
)


@app.callback(invoke_without_command=True)
def main(context: typer.Context, limit: Limit = 20, as_json: AsJSON = False) -> None:
    """Past calls, from the call log that CALL_LOG_URL names."""
    given = {"limit": limit, "as_json": as_json}
    context.default_map = {"list": given, "show": given}  # else options before the command would be lost
    if context.invoked_subcommand is None:
        list_calls(limit=limit, as_json=as_json)


@app.command("list")
def list_calls(limit: Limit = 20, as_json: AsJSON = False) -> None:
    """List the latest calls: when, how long, and how each transfer ended."""
    with _opened_log() as log:
        calls = [read_call(log, call_id) for call_id in log.call_ids(limit)]
    if as_json:
        typer.echo(json.dumps([_summary(call) for call in calls], indent=2))
    elif calls:
        Console().print(_calls_table(calls))
    else:
        typer.echo(_NO_CALLS)


@app.command("show")
def show_call(
    call_id: Annotated[str, typer.Argument(help="The call's id; its first characters are enough.")],
    as_json: AsJSON = False,
) -> None:
    """Show one call: transcript, briefing, consult and timeline."""
    with _opened_log() as log:
        events = log.events(_full_id(log, call_id))
    call = fold(events)
    if as_json:
        whole = asdict(call) | {"duration_s": call.duration_s, "hold_ms": call.hold_ms}
        typer.echo(json.dumps(whole, indent=2))
    else:
        Console().print(_call_view(call, events))


@app.command("messages")
def list_messages(limit: Limit = 20, as_json: AsJSON = False) -> None:
    """List what callers of the latest calls asked to pass on, and where they want to be called back."""
    with _opened_log() as log:
        calls = [read_call(log, call_id) for call_id in log.call_ids(limit)]
    found = [(call, message) for call in calls for message in reversed(call.messages)]
    if as_json:
        typer.echo(json.dumps([{"call_id": call.call_id} | asdict(message) for call, message in found], indent=2))
    elif found:
        Console().print(_messages_table(found))
    else:
        typer.echo("Nobody has left a message.")


@contextmanager
def _opened_log() -> Iterator[CallLog]:
    """Open the log of the settings; what can't go on ends as one sentence and exit code 1."""
    try:
        with CallLog(load_settings().call_log_url) as log:
            yield log
    except WarmTransferError as error:
        _stop(error.sentence)


def _stop(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def _full_id(log: CallLog, given: str) -> str:
    """Give the one call id that is `given` or begins with it."""
    if log.events(given):
        return given
    found = log.call_ids(limit=3, prefix=given)
    if not found:
        raise _UnknownCallError(f"No call begins with {_plain(given)!r}: `make calls` lists the ids.")
    if len(found) > 1:
        raise _UnknownCallError(f"More than one call begins with {_plain(given)!r}: give more of the id.")
    return found[0]


class _UnknownCallError(WarmTransferError):
    """The id on the command line stands for no call, or for several."""

    code = "unknown_call"


def _summary(call: CallSnapshot) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "started_at": call.started_at,
        "duration_s": call.duration_s,
        "turns": len(call.transcript),
        "hold_ms": call.hold_ms,
        "transfers": [{"target": item.target, "disposition": item.disposition} for item in call.transfers],
    }


def _calls_table(calls: list[CallSnapshot]) -> Table:
    table = Table(title="Calls, the latest first", title_justify="left", header_style="bold")
    table.add_column("Call", no_wrap=True)
    table.add_column("Started", no_wrap=True)
    for heading in ("Lasted", "Turns", "Held"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Transfers")
    for call in calls:
        table.add_row(
            _plain(call.call_id[:_SHORT_ID]),
            f"{datetime.fromtimestamp(call.started_at):%Y-%m-%d %H:%M:%S}",
            _lasted(call),
            str(len(call.transcript)),
            f"{call.hold_ms} ms" if call.hold_ms else "",
            Text("\n".join(_outcome(transfer) for transfer in call.transfers) or "none"),
        )
    return table


def _messages_table(found: list[tuple[CallSnapshot, Message]]) -> Table:
    table = Table(title="Messages, the latest first", title_justify="left", header_style="bold")
    for heading in ("Left", "Call", "For", "Call back"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Message")
    for call, message in found:
        table.add_row(
            f"{datetime.fromtimestamp(message.at):%Y-%m-%d %H:%M:%S}",
            _plain(call.call_id[:_SHORT_ID]),
            _plain(message.target or "anybody"),
            _plain(message.callback_number),
            Text(_plain(message.text)),
        )
    return table


def _message_text(message: Message) -> Text:
    callback = f"\nCall back: {_plain(message.callback_number)}" if message.callback_number else ""
    return Text(f"{_plain(message.text)}{callback}")


def _call_view(call: CallSnapshot, events: list[LoggedEvent]) -> Group:
    started = f"{datetime.fromtimestamp(call.started_at):%Y-%m-%d %H:%M:%S}"
    head = Text.assemble((f"Call {_plain(call.call_id)}", "bold"), f"\n{started}, {_lasted(call)}")
    parts: list[RenderableType] = [head, Panel(_transcript(call), title="Transcript", title_align="left")]
    parts += [_transfer_panel(call, transfer) for transfer in call.transfers]
    parts += [Panel(_message_text(message), title="Message", title_align="left") for message in call.messages]
    return Group(*parts, Panel(_timeline(call, events), title="Timeline", title_align="left"))


def _transcript(call: CallSnapshot) -> RenderableType:
    """Lay out who said what, with a line for each new room."""
    if not call.transcript:
        return Text("nobody spoke")
    kinds = {room.name: room.kind for room in call.rooms}
    table = Table.grid(padding=(0, 2))
    room = None
    for turn in call.transcript:
        if turn.room != room:
            room = turn.room
            table.add_row("", Text(kinds.get(room, "another room"), style="dim"), "")
        style = _STYLES.get(turn.speaker, "")
        who = Text(_SPEAKERS.get(turn.speaker, turn.speaker), style=style)
        table.add_row(_since_start(call, turn.at), who, Text(_plain(turn.text)))
    return table


def _transfer_panel(call: CallSnapshot, transfer: TransferSnapshot) -> Panel:
    parts: list[RenderableType] = []
    if transfer.hold_ms is not None:
        parts.append(Text(f"The caller was held for {transfer.hold_ms} ms."))
    if len(transfer.attempts) > 1:
        parts.append(_attempts_table(call, transfer))
    if transfer.briefing:
        parts.append(_briefing_table(transfer.briefing))
    for turn in transfer.consult:
        who = _SPEAKERS.get(turn.by, _plain(turn.by))
        line = Text(f"{who} {_CONSULT_MARKS[turn.kind]}: ", style=_STYLES.get(turn.by, ""))
        parts.append(Text.assemble(_since_start(call, turn.at), "  ", line, _plain(turn.text)))
    title = Text(f"Transfer: {_outcome(transfer)}")
    return Panel(Group(*parts) if parts else Text("nothing was handed over"), title=title, title_align="left")


def _attempts_table(call: CallSnapshot, transfer: TransferSnapshot) -> Table:
    table = Table.grid(padding=(0, 2))
    for attempt in transfer.attempts:
        ended = f"{attempt.disposition or 'under way'}{f' ({attempt.reason})' if attempt.reason else ''}"
        table.add_row(_since_start(call, attempt.rung_at), Text(_plain(f"{attempt.target}: {ended}")))
    return table


def _briefing_table(briefing: Briefing) -> Table:
    table = Table.grid(padding=(0, 2))
    rows = [("caller", briefing.caller_name or "no name given"), ("reason", briefing.reason)]
    rows += [("tried", tried) for tried in briefing.tried] + [("asked", briefing.asked)]
    rows += [("earlier", earlier) for earlier in briefing.earlier]
    for key, words in rows:
        table.add_row(Text(key, style="bold"), Text(_plain(words)))
    for fact in briefing.facts:
        table.add_row(
            Text(_plain(fact.kind).replace("_", " "), style="bold"),
            Text(f"{_plain(fact.value)} ({_plain(fact.turn_id)})"),
        )
    return table


def _timeline(call: CallSnapshot, events: list[LoggedEvent]) -> Table:
    """Lay out every event but the words, which are above."""
    table = Table.grid(padding=(0, 2))
    for event in events:
        if event.type not in {"turn_spoken", "consult_heard"}:
            told = {key: event.payload[key] for key in _TIMELINE_KEYS if event.payload.get(key) is not None}
            details = ", ".join(f"{key} {_plain(str(value))}" for key, value in told.items())
            table.add_row(_since_start(call, event.at), Text(_plain(event.type).replace("_", " ")), Text(details))
    return table


_TIMELINE_KEYS = ("role", "identity", "epoch", "skill", "target", "move", "disposition", "reason")


def _outcome(transfer: TransferSnapshot) -> str:
    withdrawn = "offer withdrawn" if transfer.times.withdrawn is not None else "under way"
    outcome = transfer.disposition or withdrawn
    target = transfer.target or "unknown target"
    return _plain(f"{target}: {outcome}{f' ({transfer.reason})' if transfer.reason else ''}")


def _lasted(call: CallSnapshot) -> str:
    return "not ended" if call.duration_s is None else f"{call.duration_s:.1f} s"


def _since_start(call: CallSnapshot, at: float) -> Text:
    return Text(f"{at - call.started_at:+8.2f} s", style="dim")


def _plain(words: str) -> str:
    """Take out what could steer the terminal: these words come from a caller."""
    return "".join(character if character.isprintable() else " " for character in words)


if __name__ == "__main__":
    app(prog_name="python -m warm_transfer.calls")
