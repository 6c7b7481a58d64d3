"""What the numbers are held against: agents made of LiveKit alone, with the bench's providers."""

import asyncio
from typing import Any, Literal

from livekit.agents import Agent, AgentSession, AutoSubscribe, JobContext, function_tool, inference, room_io, vad
from livekit.plugins import silero
from pydantic import BaseModel

from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.bench import dialogue, models

Kind = Literal["talk", "handoff", "sequential"]
FirstLine = Literal["generated", "say"]

BRIEFING = "## Reason\nThe caller was charged twice.\n\n## Asked\nTo be connected with billing."


class BareJob(BaseModel):
    """Metadata of a job of the bare worker."""

    kind: Kind
    first_line: FirstLine = "generated"
    providers: str
    """As LLM_PROVIDER and the others name them."""
    caller_identity: str
    instructions_a: str
    """Agent A's prompt and Agent B's, so that both sides read the same."""
    instructions_b: str


class HandoffA(Agent):
    """Agent A, whose tool gives the session to Agent B: LiveKit's own handoff."""

    def __init__(self, job: BareJob, successor: Agent) -> None:
        super().__init__(instructions=job.instructions_a)
        self._successor = successor

    @function_tool
    async def transfer_call(self) -> Agent:
        """Connect the caller with the specialist. Say nothing more after it."""
        return self._successor


class HandoffB(Agent):
    """Agent B, in the same session: speaks first."""

    def __init__(self, job: BareJob, voice: Any) -> None:
        super().__init__(instructions=job.instructions_b, tts=voice)
        self._first_line = job.first_line

    async def on_enter(self) -> None:
        """Speak."""
        if self._first_line == "say":
            self.session.say(dialogue.FIRST_LINE)
        else:
            self.session.generate_reply()


def prewarm(process: Any) -> None:
    """Load what every agent needs before it is given a call."""
    process.userdata["vad"] = silero.VAD.load()
    process.userdata["settings"] = load_settings()


async def answer(ctx: JobContext) -> None:
    """Hold one call until the caller is gone."""
    job = BareJob.model_validate_json(ctx.job.metadata)
    await ctx.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)
    caller = await ctx.wait_for_participant(identity=job.caller_identity)
    ears, mind, voice, other_voice = _models(job.providers)
    session = _session(ears, mind, voice, ctx.proc.userdata["vad"])
    agent = _agent(job, other_voice, ctx, mind)
    is_over = asyncio.Event()
    session.on("close", lambda _: is_over.set())
    ctx.room.on("disconnected", lambda _: is_over.set())
    options = room_io.RoomOptions(participant_identity=caller.identity, close_on_disconnect=job.kind != "sequential")
    await session.start(agent, room=ctx.room, room_options=options, session_host=False, record=False)
    session.say("Hello.")
    await is_over.wait()
    ctx.shutdown("the caller is gone")


def _agent(job: BareJob, other_voice: Any, ctx: JobContext, mind: Any) -> Agent:
    match job.kind:
        case "talk":
            return Agent(instructions=job.instructions_a)
        case "handoff":
            return HandoffA(job, HandoffB(job, other_voice))
        case "sequential":
            from warm_transfer.stand.bench.sequential import SequentialA  # its imports are no part of a bare agent

            settings: Settings = ctx.proc.userdata["settings"]
            return SequentialA(job, ctx.room, settings, mind)


def _session(ears: Any, mind: Any, voice: Any, vad_model: vad.VAD) -> AgentSession[None]:
    """With the turn handling of agents/house.py, whose import would be no part of a bare agent."""
    return AgentSession(
        stt=ears,
        llm=mind,
        tts=voice,
        vad=vad_model,
        turn_handling={
            "turn_detection": inference.TurnDetector(version="v1-mini"),
            "interruption": {"mode": "vad"},
        },
        user_away_timeout=None,
    )


def _models(providers: str) -> tuple[Any, Any, Any, Any]:
    """Recognizer, language model, Agent A's voice and Agent B's."""
    match providers:
        case "instant":
            return models.instant_stt(), dialogue.instant_llm(), models.instant_tts(""), models.instant_tts("")
        case "real":
            return models.real_stt(), dialogue.real_llm(), models.real_tts(""), models.real_tts("")
        case _:
            from agents.providers.local_stt import LocalSTT
            from agents.providers.local_tts import LocalTTS
            from warm_transfer.stand.bench.marked_llm import MarkedLLM

            return LocalSTT(), MarkedLLM(), LocalTTS(voice="ada"), LocalTTS(voice="ben")
