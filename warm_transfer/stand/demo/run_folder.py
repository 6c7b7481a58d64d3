"""What a demo call leaves behind: one folder with its recordings and what was known of it.

| file | what |
|---|---|
| `timeline.json` | list in order of time: `{at_ms, source, name, room, details}`; `source`: "log" (call log), "caller" (the caller's client), "rooms" (who is where, by RoomService); `at_ms` counts from the caller's first sample |
| `transcript.json` | `{"rooms": [{room, kind, turns: [{speaker, text, at_ms}]}], "heard_by_caller": [{identity, room, text, start_ms, end_ms}]}`: the agents' own transcript by room, and what the caller's recognizer made of what it heard |
| `briefing.json` | the briefing that Agent B was given: `{caller_name, reason, tried, asked, facts: [{kind, value, turn_id}], earlier}`; null without a transfer |
| `consult.json` | `{mode, consult_room, final_room, move, disposition, turns: [{kind, by, text, at_ms}]}` of the last transfer; null without one |
| `facts.json` | what was checked: `[{claim, holds, measured}]`, and the JSON object of the last line as `summary` |
| `caller_heard.wav` | 48 kHz mono 16 bit: the mix of all that reached the caller's ears |
| `caller_said.wav` | what the caller's microphone sent |
| `consult.wav` | what was said in the consult room, recorded by a hidden listener; the three begin at the same instant |
| `worker.log`, `server.log`, `control.log` | output of the processes, as far as they are the demo's own (for the whole demo) |
"""  # noqa: E501 - a table row is one line

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from warm_transfer.calls.snapshots import CallSnapshot, TransferSnapshot
from warm_transfer.stand.caller.conversation import Spoken
from warm_transfer.transfer.errors import StartError

RUNS = Path("runs")
Source = Literal["log", "caller", "rooms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened, at its place in the recordings."""

    at_ms: int
    source: Source
    name: str
    room: str = ""
    details: str = ""


class RunFolder:
    """The folder of one call; its methods write the files above."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, scenario: str, runs: Path = RUNS) -> "RunFolder":
        """A new folder named by the time and the scenario; StartError if it can't be made."""
        wanted = runs / f"{datetime.now():%Y%m%d-%H%M%S}-{scenario}"
        path, count = wanted, 1
        while path.exists():
            count += 1
            path = wanted.with_name(f"{wanted.name}-{count}")
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise StartError(f"The run folder {path} can't be made: {error.strerror}.") from error
        return cls(path)

    def write_timeline(self, entries: Iterable[TimelineEntry]) -> None:
        """Write timeline.json, in order of time."""
        self._write("timeline.json", [asdict(entry) for entry in sorted(entries, key=lambda one: one.at_ms)])

    def write_call(self, call: CallSnapshot | None, heard: Iterable[Spoken], *, began_at: float) -> None:
        """Write transcript.json, briefing.json and consult.json; `began_at`: of the recordings."""
        transfer = last_transfer(call)
        transcript = {"rooms": _transcript(call, began_at), "heard_by_caller": _heard(heard)}
        self._write("transcript.json", transcript)
        self._write("briefing.json", asdict(transfer.briefing) if transfer and transfer.briefing else None)
        self._write("consult.json", _consult(transfer, began_at) if transfer else None)

    def write_facts(self, facts: Iterable[dict[str, Any]], summary: dict[str, Any]) -> None:
        """Write facts.json."""
        self._write("facts.json", {"facts": list(facts), "summary": summary})

    def _write(self, name: str, content: object) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (self.path / name).write_text(f"{text}\n", encoding="utf-8")


def last_transfer(call: CallSnapshot | None) -> TransferSnapshot | None:
    """The call's last transfer that was more than an offer, None without one."""
    begun = [one for one in call.transfers if one.times.requested is not None] if call else []
    return begun[-1] if begun else None


def _transcript(call: CallSnapshot | None, began_at: float) -> list[dict[str, Any]]:
    return [
        {
            "room": room.name,
            "kind": room.kind,
            "turns": [
                {"speaker": turn.speaker, "text": turn.text, "at_ms": _ms(turn.at - began_at)}
                for turn in call.transcript
                if turn.room == room.name
            ],
        }
        for room in (call.rooms if call else ())
        if call and room.kind != "consult room"
    ]


def _heard(heard: Iterable[Spoken]) -> list[dict[str, Any]]:
    return [
        {
            "identity": spoken.identity,
            "room": spoken.room,
            "text": spoken.text,
            "start_ms": _ms(spoken.start_s),
            "end_ms": _ms(spoken.end_s),
        }
        for spoken in heard
        if spoken.speaker == "agent"
    ]


def _consult(transfer: TransferSnapshot, began_at: float) -> dict[str, Any]:
    is_spoken = any(turn.kind == "heard" for turn in transfer.consult)
    return {
        "mode": "spoken" if is_spoken else "text",
        "consult_room": transfer.consult_room,
        "final_room": transfer.final_room,
        "move": transfer.move,
        "disposition": transfer.disposition,
        "turns": [
            {"kind": turn.kind, "by": turn.by, "text": turn.text, "at_ms": _ms(turn.at - began_at)}
            for turn in transfer.consult
        ],
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
