"""What Agent A's and OnHold's tools can do to a transfer: the only way from a model to the coordinator."""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from livekit.agents import StopResponse, ToolError

from agents.roster import Roster, Specialist
from warm_transfer.calls.events import CallEvent
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.coordinator import Coordinator
from warm_transfer.transfer.errors import BadSkillError, CallOverError, IllegalEventError
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import Conversation, Record
from warm_transfer.transfer.terms import Move, Offer, State
from warm_transfer.transfer.understanding.consent import caller_asked_for_transfer, has_consent, refuses

MOST_MESSAGE = 1000
"""Characters of one message: a minute of speech."""


class TransferDesk:
    """Checks in code what a model asks for: the target is on the roster, and the caller has agreed."""

    def __init__(
        self,
        *,
        coordinator: Coordinator,
        conversation: Conversation,
        roster: Roster,
        choose_move: Callable[[], Move],
        record: Record,
        guard: LoopGuard,
        is_free: Callable[[Specialist], Awaitable[bool]],
        first_turn: int = 0,
    ) -> None:
        """`first_turn`: of the conversation with this Agent A; what was said before it is no consent."""
        self._is_free = is_free
        self.guard = guard
        self._first_turn = first_turn
        self._coordinator = coordinator
        self._conversation = conversation
        self._roster = roster
        self._choose_move = choose_move
        self._record = record
        self._turns_at_offer = 0
        self._asked_by_caller = False
        self._requested_at = 0.0

    async def offer(self, skill: str, reason: str) -> str:
        """Open an offer; returns what the model should do next.

        Raises:
            ToolError: no specialist has this skill and is free, the call has gone round enough, or a transfer is
                under way.
        """
        specialists = await self._specialists(skill)
        turns = self._conversation.turns()
        offer = _offer_to(specialists, skill, reason)
        # A person is not called before the caller agrees; a model is told nothing until then.
        move = self._choose_move() if specialists[0].kind == "ai" else None
        await self._submit(events.TransferOffered(offer, move), "A transfer is already under way. Say nothing of it.")
        self._turns_at_offer = len(turns)
        self._asked_by_caller = caller_asked_for_transfer(turns[self._first_turn :])
        return self._next_words(specialists[0])

    async def request(self) -> None:
        """Start the transfer that was offered.

        Raises:
            ToolError: nothing was offered, or the caller has not agreed.
        """
        if self._coordinator.situation.state is not State.OFFERED:
            raise ToolError("Nothing is on offer. Call offer_transfer first.")
        since_offer = self._conversation.turns()[self._turns_at_offer :]
        if not (self._asked_by_caller or has_consent(since_offer)):
            raise ToolError("The caller has not agreed. Ask whether you may connect them, and wait for the answer.")
        self._requested_at = time.monotonic()
        await self._submit(events.TransferRequested(self._choose_move()), "A transfer is already under way.")

    async def order(self, skill: str, reason: str, *, command_id: str) -> None:
        """Start a transfer that the control API asks for; nobody asks the caller.

        Raises:
            BadSkillError: nobody who may be called now has the skill.
            IllegalEventError: a transfer is under way.
        """
        try:
            specialists = await self._specialists(skill)
        except ToolError as error:
            raise BadSkillError(error.message) from error
        await self._coordinator.submit(
            events.TransferOffered(_offer_to(specialists, skill, reason)), command_id=command_id
        )
        self._requested_at = time.monotonic()
        await self._coordinator.submit(events.TransferRequested(self._choose_move()), command_id=command_id)

    def restore(self, offer: Offer, *, turns_at_offer: int) -> None:
        """Open an offer again that an earlier job of this call made, after so many turns."""
        self._coordinator.post(events.TransferOffered(offer))
        turns = self._conversation.turns()
        self._turns_at_offer = turns_at_offer
        self._asked_by_caller = caller_asked_for_transfer(turns[self._first_turn : turns_at_offer])

    async def resume(self, offer: Offer) -> None:
        """Start a transfer anew to which the caller had agreed in an earlier job of this call.

        Raises:
            CallOverError: the caller hung up meanwhile.
        """
        anew = replace(offer, transfer_id=secrets.token_hex(16))
        await self._coordinator.submit(events.TransferOffered(anew))
        self._requested_at = time.monotonic()
        await self._coordinator.submit(events.TransferRequested(self._choose_move()))

    async def cancel(self) -> None:
        """Take the held caller back.

        Raises:
            ToolError: it is too late, or there is nothing to cancel.
        """
        await self._submit(events.CancelRequested(), "It is too late to cancel: the caller is being connected now.")

    def progress(self) -> str:
        """Where the transfer stands, for a caller on hold."""
        offer = self._coordinator.offer
        specialist = self._roster.get(offer.target) if offer else None
        if specialist is None:
            return "The caller is not on hold any more."
        waited_s = round(time.monotonic() - self._requested_at)
        stands = {
            State.RINGING: f"{specialist.name} is being called",
            State.CONSULTING: f"{specialist.name} is hearing about the caller's matter",
            State.MOVING: f"{specialist.name} is about to speak",
        }.get(self._coordinator.situation.state, "the caller is back with Agent A")
        return f"{stands}. The caller has waited {waited_s} seconds; it usually takes less than a minute."

    def leave_message(self, message: str, callback_number: str = "") -> str:
        """Keep a message in the call log: during a transfer for its target, else for whoever reads the messages.

        A number is kept as it was said, to be read by a person; nothing here dials it.

        Raises:
            ToolError: the message is empty, or the number can't be one.
        """
        if not message.strip():
            raise ToolError("The message is empty. Ask the caller what to pass on.")
        digits = re.sub(r"[\s().-]", "", callback_number)
        if digits and not re.fullmatch(r"\+?\d{3,15}", digits):
            raise ToolError("That is no phone number. Ask the caller to say it digit by digit.")
        offer = self._coordinator.offer
        self._record(
            CallEvent.MESSAGE_LEFT,
            {
                "transfer_id": offer.transfer_id if offer else None,
                "message": message.strip()[:MOST_MESSAGE],
                "callback_number": digits,
            },
        )
        return "The message is kept."

    def hear(self, turn: Turn) -> None:
        """A caller's turn: a "no" to an open offer withdraws it."""
        if self._coordinator.situation.state is State.OFFERED and refuses(turn.text):
            self._coordinator.post(events.OfferWithdrawn())

    async def _specialists(self, skill: str) -> list[Specialist]:
        """Who may be called for this skill now; ToolError tells what else to offer."""
        skilled = self._roster.for_skill(skill)
        if not skilled:
            raise ToolError(f"Nobody has the skill {skill!r}. Skills: {', '.join(self._roster.skills)}.")
        allowed = self.guard.allowed([one.id for one in skilled])
        if self.guard.is_spent:
            raise ToolError("The caller was transferred as often as one call allows. Offer to take a message instead.")
        if not allowed:
            name = skilled[0].name
            raise ToolError(f"{name} has just handed the caller back to you. Offer to take a message instead.")
        free = [one for one in skilled if one.id in allowed and await self._is_free(one)]
        if not free:
            raise ToolError("Nobody for that is free now. Offer to take a message instead.")
        return free

    def _next_words(self, specialist: Specialist) -> str:
        if self._asked_by_caller:
            return f"The caller asked for it: call transfer_call now. {specialist.name}, {specialist.title}, is free."
        return (
            f"Ask the caller in one question whether you may connect them with {specialist.name}, "
            f"our {specialist.title}. Call transfer_call only after they agree."
        )

    async def _submit(self, event: events.Event, sentence: str) -> None:
        """Let the table decide; a refusal is told to the model in this sentence, unless nobody is left to answer."""
        try:
            await self._coordinator.submit(event)
        except CallOverError as error:
            raise StopResponse from error
        except IllegalEventError as error:
            raise ToolError(sentence) from error


def _offer_to(specialists: Sequence[Specialist], skill: str, reason: str) -> Offer:
    return Offer(
        transfer_id=secrets.token_hex(16),
        target=specialists[0].id,
        others=tuple(one.id for one in specialists[1:]),
        skill=skill,
        reason=reason.strip(),
    )
