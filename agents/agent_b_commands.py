"""What the control API can do to a call that is with an Agent B, a model or a person."""

from collections.abc import Awaitable, Callable

from agents.return_desk import ReturnRequest
from agents.roster import Roster
from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer.control_wire import ControlCommand, End, HandBackCall, Note, TransferOn
from warm_transfer.transfer.errors import BadSkillError, IllegalEventError
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import Record
from warm_transfer.transfer.wire import AgentBJob

ENDED = "ended by command"


class AgentBCommands:
    """Carries commands out as Agent B's own tools do; a person at a desk has asked the caller."""

    def __init__(
        self,
        *,
        job: AgentBJob,
        roster: Roster,
        read_guard: Callable[[], Awaitable[LoopGuard]],
        send: Callable[[ReturnRequest], None],
        end: Callable[[str], None],
        record: Record,
    ) -> None:
        """`read_guard` may raise LogUnavailableError."""
        self._job = job
        self._roster = roster
        self._read_guard = read_guard
        self._send = send
        self._end = end
        self._record = record

    async def apply(self, command: ControlCommand, command_id: str) -> None:
        """Carry one out.

        Raises:
            IllegalEventError: it is Agent A's to do, or the call has gone round enough.
            BadSkillError: no colleague has the skill.
            LogUnavailableError: nobody can tell whether the call has gone round enough.
        """
        match command:
            case End():
                self._end(ENDED)
            case HandBackCall(reason=reason):
                self._send(ReturnRequest(cause="asked", reason=reason.strip(), command_id=command_id))
            case TransferOn(skill=skill, reason=reason):
                wanted = await self._allowed(skill)
                self._send(ReturnRequest(cause="asked", reason=reason.strip(), skill=wanted, command_id=command_id))
            case Note(text=text):
                note = {"transfer_id": self._job.transfer_id, "by": self._job.specialist, "text": text.strip()}
                self._record(CallEvent.NOTE_LEFT, note | {"command_id": command_id})
            case _:
                raise IllegalEventError("the caller is with Agent B: there is no transfer under way")

    async def _allowed(self, skill: str) -> str:
        others = self._roster.without(self._job.specialist)
        colleagues = others.for_skill(skill)
        if not colleagues:
            raise BadSkillError(f"no colleague has that skill: {', '.join(others.skills)}")
        guard = await self._read_guard()
        if not guard.allowed([one.id for one in colleagues]):
            raise IllegalEventError("this call can't be transferred any more")
        return skill.strip().lower()
