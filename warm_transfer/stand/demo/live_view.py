"""A call as it happens: steps and words scroll by, below stands who is where and what the caller hears."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from warm_transfer.calls.events import CallEvent
from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.caller import Moment
from warm_transfer.stand.demo.room_watch import People

Who = Literal["caller", "agent_a", "agent_b", "consult"]

SPEAKERS = {"caller": "Caller", "agent_a": "Agent A", "agent_b": "Agent B", "consult": "Consult"}
STYLES = {"caller": "cyan", "agent_a": "green", "agent_b": "magenta", "consult": "yellow"}

_MOMENTS = {
    "joined": "the caller is in the caller room",
    "move_asked": "the caller's client is asked to move",
    "first_sound": "the caller hears Agent B",
    "left_old_room": "the caller has left the caller room",
    "stayed": "the caller could not move and stayed",
    "disconnected": "the caller has hung up",
}
_STEPS = {
    CallEvent.CALL_STARTED: "Agent A has the call",
    CallEvent.JOB_STARTED: "{who}'s job runs (pid {pid})",
    CallEvent.JOB_ENDED: "{who}'s job has ended",
    CallEvent.AGENT_LEFT: "{who} has left",
    CallEvent.CALL_ENDED: "the call is over: {reason}",
    CallEvent.TRANSFER_OFFERED: "Agent A offers a transfer to {target}: {reason}",
    CallEvent.OFFER_WITHDRAWN: "the caller does not want the transfer",
    CallEvent.TRANSFER_REQUESTED: "the caller agrees, Agent A's model calls transfer_call",
    CallEvent.CONSULT_OPENED: "consult room and final room are open ({move})",
    CallEvent.CALLER_HELD: "the caller is put on hold",
    CallEvent.TARGET_ANSWERED: "Agent B is in the consult room",
    CallEvent.BRIEFING_SENT: "Agent A has briefed Agent B",
    CallEvent.QUESTION_ASKED: "Agent B asks: {question}",
    CallEvent.QUESTION_ANSWERED: "Agent A answers: {answer}",
    CallEvent.TARGET_ACCEPTED: "Agent B accepts",
    CallEvent.TARGET_DECLINED: "Agent B declines: {reason}",
    CallEvent.MOVE_BEGUN: "the move begins ({move})",
    CallEvent.CALLER_MOVED: "the caller is in the final room",
    CallEvent.MESSAGE_LEFT: "the caller leaves a message",
    CallEvent.TRANSFER_ENDED: "the transfer is over: {disposition}",
    CallEvent.CALLER_HANDED_BACK: "Agent B hands the caller back: {reason}",
    CallEvent.HAND_BACK_FAILED: "no Agent A came, the caller is still with Agent B",
}


class CallView(Protocol):
    """What a call is shown on."""

    def __enter__(self) -> Self:
        """Begin to show a call."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""

    def step(self, at_ms: int, words: str) -> None:
        """Show that something happened."""

    def spoken(self, at_ms: int, who: Who, room: str, text: str) -> None:
        """Show a finished turn; `room`: its kind, such as "caller room"."""

    def seats(self, at_ms: int, people: Mapping[str, list[str]]) -> None:
        """Show who is in which room: names of people by kind of room."""

    def hearing(self, at_ms: int, what: str) -> None:
        """Show what the caller hears now."""


class PlainView:
    """One line per step, turn and change, for a pipe or a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._heard = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def step(self, at_ms: int, words: str) -> None:
        """Print a step."""
        self._print(_line(at_ms, "step", words))

    def spoken(self, at_ms: int, who: Who, room: str, text: str) -> None:
        """Print a turn and its room."""
        self._print(_line(at_ms, SPEAKERS[who], f"{text}  [{room}]", STYLES[who]))

    def seats(self, at_ms: int, people: Mapping[str, list[str]]) -> None:
        """Print the change."""
        rooms = "; ".join(f"{room}: {', '.join(names) or 'nobody'}" for room, names in people.items())
        self._print(_line(at_ms, "rooms", rooms or "none", "dim"))

    def hearing(self, at_ms: int, what: str) -> None:
        """Print the change, if it is one."""
        if what != self._heard:
            self._heard = what
            self._print(_line(at_ms, "hears", what, "dim"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


class LiveView(PlainView):
    """The same lines on a terminal, with a panel below them that shows the present."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._people: Mapping[str, list[str]] = {}
        self._now_ms = 0
        self._live = Live(console=console, get_renderable=self._panel, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def seats(self, at_ms: int, people: Mapping[str, list[str]]) -> None:
        """Keep it for the panel."""
        self._people = people

    def hearing(self, at_ms: int, what: str) -> None:
        """Keep it for the panel."""
        self._now_ms, self._heard = at_ms, what

    def _print(self, text: Text) -> None:
        self._console.print(text)

    def _panel(self) -> Panel:
        rooms = Table.grid(padding=(0, 2))
        for room, names in self._people.items():
            rooms.add_row(Text(room, style="bold"), Text(", ".join(names) or "nobody"))
        if not self._people:
            rooms.add_row(Text("no rooms", style="dim"))
        heard = Text.assemble(("The caller hears: ", "bold"), self._heard or "nothing yet")
        return Panel(Group(rooms, heard), title=f"{self._now_ms / 1000:.1f} s", title_align="left")


def make_view(console: Console) -> CallView:
    """A live view on a terminal, plain lines elsewhere."""
    return LiveView(console) if console.is_terminal else PlainView(console)


def words_of_moment(moment: Moment) -> str | None:
    """What to say of a moment of the caller's client, None if it is only heard."""
    words = _MOMENTS.get(moment.name)
    return f"{words} ({moment.text})" if words and moment.name == "stayed" else words


def words_of_event(event: LoggedEvent) -> str | None:
    """What to say of an event of the call log, None if its words are shown as a turn."""
    template = _STEPS.get(CallEvent(event.type)) if event.type in set(CallEvent) else None
    if template is None:
        return None
    role = str(event.payload.get("role", ""))
    return template.format_map(_Told({**event.payload, "who": SPEAKERS.get(role, role)}))


def show_event(view: CallView, event: LoggedEvent, at_ms: int, kind_of: Callable[[str], str]) -> None:
    """Show one event of the call log; `kind_of` gives a room's kind."""
    told = event.payload
    if event.type == CallEvent.TURN_SPOKEN:
        who: Who = told["speaker"] if told.get("speaker") in {"caller", "agent_a", "agent_b"} else "caller"
        view.spoken(at_ms, who, kind_of(str(told.get("room", ""))), str(told.get("text", "")))
    elif event.type == CallEvent.CONSULT_HEARD:
        by = "Agent B" if str(told.get("by", "")).startswith("agent_b") else "Agent A"
        view.spoken(at_ms, "consult", "consult room", f"{by}: {told.get('text', '')}")
    elif words := words_of_event(event):
        view.step(at_ms, words)


def seated(people: People, kind_of: Callable[[str], str], name_of: Callable[[str], str]) -> dict[str, list[str]]:
    """The people by kind of room, with names for a person."""
    return {kind_of(room): sorted(name_of(who) for who in identities) for room, identities in people.items()}


class _Told(dict[str, Any]):
    """A payload in which a missing key reads "unknown": a newer version may write other ones."""

    def __missing__(self, key: str) -> str:
        return "unknown"


def _line(at_ms: int, label: str, words: str, style: str = "") -> Text:
    plain = "".join(character if character.isprintable() else " " for character in words)
    return Text.assemble((f"{at_ms:8d} ms", "dim"), "  ", (f"{label:8}", style or "bold"), " ", (plain, style))
