"""One conversation held with the real Agent A, desk and coordinator; only the target is the evaluation's own."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from livekit.agents import AgentSession, llm

from agents.agent_a import AgentA
from agents.briefing_writer import BriefingWriter
from agents.house import write_turns
from agents.on_hold import OnHold
from agents.prompts import load_phrases
from agents.roster import Roster, Specialist
from agents.transcript import Transcript
from agents.transfer_desk import TransferDesk
from warm_transfer.stand.evaluation.conversations import Conversation, Script, Trigger
from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing, Turn
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.loop_guard import LoopGuard
from warm_transfer.transfer.ports import OpenedRooms, Post
from warm_transfer.transfer.terms import Deadline, Disposition, Move, Offer

MOST_TURNS = 14
"""Of the caller: a call that gets nowhere ends here."""
STEP_TIMEOUT_S = 60.0
"""For one turn of a slow remote model with its tool calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCall:
    """What came of one conversation."""

    trigger: Trigger
    target: str | None
    turns: tuple[Turn, ...]
    briefing: Briefing | None
    """As it reached the target, None if no transfer started."""
    answers: tuple[str, ...]
    """To the questions of the conversation, in order."""


class JudgingTarget:
    """Implements the TargetLine port: takes the briefing, asks, and hangs up."""

    def __init__(self) -> None:
        self.briefing: asyncio.Future[Briefing] = asyncio.get_running_loop().create_future()
        self.answers: asyncio.Queue[str] = asyncio.Queue()

    async def arm(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """The judged target is there at once."""

    async def open(self, offer: Offer, move: Move, post: Post, note_rooms: Callable[[OpenedRooms], None]) -> None:
        """Answer at once."""
        self.post = post
        post(events.TargetAnswered(f"target-{offer.target}"))

    async def brief(self, briefing: Briefing) -> None:
        """Keep it."""
        self.briefing.set_result(briefing)

    async def answer(self, text: str) -> None:
        """Keep it."""
        self.answers.put_nowait(text)

    async def move_caller(self, move: Move) -> None:
        """Never reached: this target accepts nobody."""

    async def dismiss(self, disposition: Disposition) -> None:
        """Nothing was opened."""

    async def close(self) -> None:
        """Nothing was opened."""


class SilentLine:
    """Implements the CallerLine port for a caller who types: nothing is heard."""

    async def hold(self) -> None:
        """No music."""

    async def tell_waiting(self) -> None:
        """No update."""

    async def take_back(self, disposition: Disposition) -> None:
        """The call is over by then."""

    async def close_ears(self) -> None:
        """Never reached."""

    async def part(self, move: Move) -> None:
        """Never reached."""


async def _is_no_person(specialist: Specialist) -> bool:
    """Nobody sits at a desk in a judged call."""
    return specialist.kind == "ai"


class JudgedCall:
    """Enter it, then `hold` the conversation once."""

    def __init__(self, model: llm.LLM[Any], roster: Roster, *, briefing_timeout_s: float) -> None:
        self._target = JudgingTarget()
        self._offered: list[str] = []
        self._requested: list[str] = []
        self._transcript = Transcript(room="eval", agent="agent_a", epoch=1, model=model, record=self._note)
        self._writer = BriefingWriter(model, self._transcript, roster, deadline_s=briefing_timeout_s)
        self._transcript.withheld = lambda: roster.masks_for(self._target_id())
        self._coordinator = Coordinator(
            ports=Ports(caller=SilentLine(), target=self._target, conversation=self._transcript, record=self._note),
            deadlines=dict.fromkeys(Deadline, STEP_TIMEOUT_S),
        )
        desk = TransferDesk(
            coordinator=self._coordinator,
            conversation=self._transcript,
            roster=roster,
            choose_move=lambda: Move.JOIN_CALLER_ROOM,
            record=self._note,
            guard=LoopGuard(most_transfers=1),
            is_free=_is_no_person,
        )
        self._transcript.on_caller_turn = desk.hear
        self._session: AgentSession[None] = AgentSession(llm=model)
        write_turns(self._session, self._transcript)
        greeting = llm.ChatContext.empty()
        self._transcript.add_message(greeting.add_message(role="assistant", content=load_phrases()["greeting"]))
        self._agent = AgentA(
            desk=desk,
            roster=roster,
            begin=_say_nothing,
            make_on_hold=lambda: OnHold(desk, note_held=lambda: None),
            chat_ctx=greeting,
        )

    async def __aenter__(self) -> "JudgedCall":
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self._writer)
        self._stack.push_async_callback(self._end, asyncio.create_task(self._coordinator.run()))
        await self._stack.enter_async_context(self._session)
        await self._session.start(self._agent)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def hold(self, conversation: Conversation, *, heard_as: Callable[[str], str] = lambda said: said) -> HeldCall:
        """Let the caller talk until a transfer starts or nothing is left to say; `heard_as`: what reaches Agent A.

        Raises:
            TimeoutError: the model is silent for STEP_TIMEOUT_S.
        """
        script = Script(conversation)
        said: str | None = script.first()
        for _ in range(MOST_TURNS):
            if said is None or self._requested:
                break
            said = script.answer(await self._hears(heard_as(said)))
        briefing, answers = await self._consult(conversation) if self._requested else (None, ())
        trigger: Trigger = "transfer" if self._requested else "refused" if self._offered else "none"
        return HeldCall(
            trigger=trigger,
            target=next(iter([*self._requested, *reversed(self._offered)]), None),
            turns=tuple(self._transcript.turns()),
            briefing=briefing,
            answers=answers,
        )

    async def _hears(self, text: str) -> str:
        """Agent A's words to this, "" for a text without a word."""
        if not text.strip():
            return ""
        before = len(self._transcript.turns())
        async with asyncio.timeout(STEP_TIMEOUT_S):
            await self._session.run(user_input=text)
        return " ".join(turn.text for turn in self._transcript.turns()[before:] if turn.speaker == "agent_a")

    async def _consult(self, conversation: Conversation) -> tuple[Briefing, tuple[str, ...]]:
        async with asyncio.timeout(STEP_TIMEOUT_S * (1 + len(conversation.ask))):
            briefing = await self._target.briefing
            answers = []
            for ask in conversation.ask:
                self._target.post(events.QuestionAsked(ask.question))
                answers.append(await self._target.answers.get())
        return briefing, tuple(answers)

    def _target_id(self) -> str:
        return self._requested[-1] if self._requested else ""

    def _note(self, event_type: str, payload: Any) -> None:
        """The coordinator's record tells what was offered and what was requested."""
        if event_type == "transfer_offered":
            self._offered.append(payload["target"])
        elif event_type == "transfer_requested":
            self._requested.append(payload["target"])

    async def _end(self, running: asyncio.Task[Any]) -> None:
        self._coordinator.post(events.CallerLeft("the evaluation is over"))
        await running


async def _say_nothing() -> None:
    """The greeting is in the context already."""
