"""What the control API, and a person who is rung, can do to a call that is with Agent A."""

from collections.abc import Awaitable, Callable

from agents.transfer_desk import TransferDesk
from warm_transfer.transfer import events
from warm_transfer.transfer.control_wire import (
    AcceptCall,
    Cancel,
    ControlCommand,
    DeclineCall,
    End,
    TransferNow,
    Wait,
)
from warm_transfer.transfer.coordinator import Coordinator
from warm_transfer.transfer.errors import AttemptOverError, IllegalEventError
from warm_transfer.transfer.states import Consulting, Ringing

ENDED = "ended by command"


class AgentACommands:
    """Turns commands into events of the coordinator, as Agent A's tools do."""

    def __init__(
        self, *, coordinator: Coordinator, desk: TransferDesk, put_on_hold: Callable[[], Awaitable[None]]
    ) -> None:
        """`put_on_hold` lets OnHold have the caller, as Agent A's tool does by its result."""
        self._coordinator = coordinator
        self._desk = desk
        self._put_on_hold = put_on_hold

    async def apply(self, command: ControlCommand, command_id: str) -> None:
        """Carry one out.

        Raises:
            IllegalEventError: it has no meaning now, and changed nothing.
            BadSkillError: nobody who may be called has the skill.
            AttemptOverError: the target that decides is not called any more.
        """
        match command:
            case TransferNow(skill=skill, reason=reason):
                await self._desk.order(skill, reason, command_id=command_id)
                await self._put_on_hold()
            case Cancel():
                await self._coordinator.submit(events.CancelRequested(), command_id=command_id)
            case End():
                await self._coordinator.submit(events.CallerLeft(ENDED), command_id=command_id)
            case AcceptCall(attempt=attempt):
                await self._decide(attempt, events.TargetAccepted(), command_id)
            case DeclineCall(attempt=attempt, reason=reason):
                await self._decide(attempt, events.TargetDeclined(reason.strip()), command_id)
            case Wait(attempt=attempt):
                await self._decide(attempt, events.MoreTimeAsked(), command_id)
            case _:
                raise IllegalEventError("the caller is with Agent A, not with Agent B")

    async def _decide(self, attempt: str, event: events.Event, command_id: str) -> None:
        situation = self._coordinator.situation
        if not isinstance(situation, Ringing | Consulting) or situation.offer.attempt != attempt:
            raise AttemptOverError("this target is not called any more")
        await self._coordinator.submit(event, command_id=command_id)
