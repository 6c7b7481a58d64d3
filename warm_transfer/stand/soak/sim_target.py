"""One target of a soak run: what it does, as planned, and what that is to lead to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from warm_transfer.stand.soak.plan import TargetPlan
from warm_transfer.transfer import events
from warm_transfer.transfer.ports import Post
from warm_transfer.transfer.terms import MOST_WAITS, Disposition, Offer

ARMED_S = 35.0
"""ARM_TTL_S, and some more, as Agent B waits."""
LEAVES_AFTER_S = 1.0
"""A target that is ready and does not stay."""

_ENDS: dict[type[events.Event], Disposition] = {
    events.TargetDeclined: Disposition.DECLINED,
    events.TargetBusy: Disposition.BUSY,
    events.VoicemailReached: Disposition.VOICEMAIL,
    events.TargetLeft: Disposition.TARGET_LEFT,
    events.CallerMoved: Disposition.COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that ends an attempt, and how."""

    at_s: float
    disposition: Disposition


@dataclass(slots=True)
class SimTarget:
    """One target that was called."""

    plan: TargetPlan
    offer: Offer
    consult_room: str
    final_room: str
    post: Post
    is_over: bool = True
    """Its job is not running."""
    is_ready: bool = False
    """Made ready ahead, and still there."""
    consented: asyncio.Event = field(default_factory=asyncio.Event)
    """The caller has agreed, so that the consult may begin."""
    has_caller: bool = False
    briefed: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Dismissed, or its rooms are gone."""
    caller_heard: asyncio.Event = field(default_factory=asyncio.Event)
    facts: list[Fact] = field(default_factory=list)
    answered_at: float | None = None
    accepted_at: float | None = None
    asked_at: float | None = None
    """Since when a question waits for its answer."""
    waits_ringing: int = 0
    waits_consulting: int = 0

    def ends(self, disposition: Disposition) -> None:
        """Note what ends its attempt, if that is still under way."""
        self.facts.append(Fact(now_s(), disposition))

    def tell(self, event: events.Event) -> None:
        """Post what it does, and note what that is to lead to."""
        match event:
            case events.TargetAnswered():
                self.answered_at = self.answered_at or now_s()
            case events.TargetAccepted():
                self.accepted_at = self.accepted_at or now_s()
            case events.QuestionAsked():
                self.asked_at = now_s()
            case events.MoreTimeAsked() if self.waits_ringing + self.waits_consulting < MOST_WAITS:
                self.waits_ringing += self.answered_at is None
                self.waits_consulting += self.answered_at is not None
            case events.MoreTimeAsked():
                pass
            case _:
                self.ends(_ENDS[type(event)])
        self.post(event)

    async def consult(self, take_caller: "Callable[[SimTarget], Awaitable[None]]") -> None:
        """Do what is planned, from the call to the caller's goodbye."""
        plan = self.plan
        if self.is_ready and not await self._is_consented():
            return
        if plan.answers_after_s is None:
            await _for_ever()
        self._ask_for_time()
        await asyncio.sleep(0 if self.is_ready else plan.answers_after_s or 0)
        match plan.pickup:
            case "declines":
                self.tell(events.TargetDeclined("not now"))
                await _for_ever()  # until dismissed
            case "busy":
                self.tell(events.TargetBusy())
                self.tell(events.TargetLeft())  # it is gone before anybody dismisses it
                return
            case "voicemail":
                self.tell(events.VoicemailReached())
                await _for_ever()  # until dismissed
            case "leaves":
                self.tell(events.TargetLeft())
                return
        self.tell(events.TargetAnswered("b"))
        await self.briefed.wait()
        self._ask_for_time()
        for _ in range(plan.questions):
            await asyncio.sleep(plan.thinks_s)
            self.tell(events.QuestionAsked("when?"))
            await self.answered.wait()
            self.answered.clear()
        await asyncio.sleep(plan.thinks_s)
        await self._decide(take_caller)

    async def _is_consented(self) -> bool:
        """Wait for the caller's consent as an armed target does, which leaves if it never comes."""
        try:
            async with asyncio.timeout(LEAVES_AFTER_S if self.plan.arming == "leaves" else ARMED_S):
                await self.consented.wait()
        except TimeoutError:
            self.is_ready = False
            self.tell(events.TargetLeft())
        return self.is_ready

    def _ask_for_time(self) -> None:
        for _ in range(self.plan.waits):
            self.tell(events.MoreTimeAsked())

    async def _decide(self, take_caller: "Callable[[SimTarget], Awaitable[None]]") -> None:
        for _ in range(2 if self.plan.repeats_itself else 1):
            match self.plan.decision:
                case "accept":
                    self.tell(events.TargetAccepted())
                case "decline":
                    self.tell(events.TargetDeclined("not mine"))
                case "leave":
                    self.tell(events.TargetLeft())
                case "voicemail":
                    self.tell(events.VoicemailReached())
                case "silence":
                    pass
        match self.plan.decision:
            case "accept":
                await take_caller(self)
            case "decline" | "silence" | "voicemail":
                await _for_ever()  # until dismissed


def now_s() -> float:
    """By the virtual clock."""
    return asyncio.get_running_loop().time()


async def _for_ever() -> None:
    await asyncio.Event().wait()
