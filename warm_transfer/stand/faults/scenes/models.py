"""A provider's model fails, stalls or talks nonsense: in mid-call, and in the consult."""

from agents.prompts import load_phrases
from warm_transfer.stand.faults.evidence import Fault
from warm_transfer.stand.faults.remembered import WANTS_BILLING_NOW, WANTS_NOW
from warm_transfer.stand.faults.stage import Crew, Scene, Stage
from warm_transfer.stand.faults.typed_call import TypedCall
from warm_transfer.transfer.terms import State

QUESTION = "What are your opening hours?"
IN_A_ROW = 3
"""More faults without a good reply between them end the call."""
REPLY_WITHIN_S = {
    "llm fails": 5.0,
    "llm stalls": 5.0,
    "llm talks nonsense": 5.0,
    "tts fails": 8.0,
    "tts stalls": 11.0,
}
"""FIRST_TOKEN_S is 3, a voice is tried twice, REPLY_TIMEOUT_S is 8; then the phrase begins at the caller's ear."""
HEARING_WITHIN_S = {"stt fails": 12.0, "stt stalls": 14.0, "stt talks nonsense": 8.0}
"""From the first word on, which takes 2 s. A failing recognizer is tried four times; a stalled one has 8 s."""
DECLINED_WITHIN_S = 8.0
CONSULTED_WITHIN_S = 30.0
"""A spoken consult, less what is not spoken in it, and Agent B's first word."""


def scenes() -> list[Scene]:
    """Every model in every way that it can fail."""
    in_text = (*_IN_CALL.values(), *_HEARING.values(), *_IN_CONSULT.values())
    return [
        Scene(faults=in_text, play=_break_models, is_alone=False),
        Scene(faults=_IN_SPOKEN_CONSULT, play=_lose_sound, is_alone=False),
    ]


_IN_CALL = {how: Fault(name=how, state=State.TALKING) for how in REPLY_WITHIN_S}
_HEARING = {how: Fault(name=how, state=State.TALKING) for how in HEARING_WITHIN_S}
_IN_CONSULT = {
    f"{how} in the consult": Fault(name=how, state=State.CONSULTING)
    for how in ("llm fails", "llm stalls", "llm talks nonsense")
}
_SOUND = ("tts fails", "tts stalls", "stt fails", "stt stalls")
_IN_SPOKEN_CONSULT = tuple(Fault(name=how, state=State.CONSULTING) for how in _SOUND)


async def _break_models(stage: Stage) -> None:
    crew = await stage.crew("faulty_text", CONSULT_MODE="text")
    for play in (_lose_replies, _lose_hearing, _lose_decisions):
        await play(stage, crew)
        crew.break_models("")


async def _lose_replies(stage: Stage, crew: Crew) -> None:
    """Each lost reply is followed by a phrase; mended, the call goes on."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        await call.tell_who()
        for number, (how, fault) in enumerate(_IN_CALL.items()):
            if number == IN_A_ROW:
                await _answer(call, count=1)
            await call.until_quiet()
            crew.break_models(how)
            strike = call.strike(fault, load_phrases()["trouble.reply"], within_s=REPLY_WITHIN_S[how])
            with strike.watched():
                await call.type(QUESTION)
                await call.until_heard(strike)
            crew.break_models("")
        await _answer(call, count=2)
        await call.use_facts()


async def _answer(call: TypedCall, *, count: int) -> None:
    await call.type(QUESTION)
    await call.until_said("monday", count=count)


async def _lose_hearing(stage: Stage, crew: Crew) -> None:
    """A caller who is not understood is told so, and is understood when the recognizer is mended."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        await call.tell_who()
        for number, (how, fault) in enumerate(_HEARING.items(), start=1):
            await call.until_quiet()
            crew.break_models(how)
            texts = () if how == "stt talks nonsense" else (load_phrases()["trouble.hearing"],)
            strike = call.strike(fault, *texts, within_s=HEARING_WITHIN_S[how])
            with strike.watched():
                await stage.say(call, QUESTION)
                await call.until_heard(strike)
                crew.break_models("")
                await stage.say(call, QUESTION)
                await call.until_said("monday", count=number)
            crew.break_models("")
        await call.use_facts()


async def _lose_decisions(stage: Stage, crew: Crew) -> None:
    """An Agent B who can't decide declines: nobody is connected by accident, and Agent A goes on."""
    async with stage.call(crew) as call:
        await call.come_to(State.TALKING)
        wish = WANTS_BILLING_NOW
        for number, (how, fault) in enumerate(_IN_CONSULT.items(), start=1):
            await call.until_quiet()
            crew.break_models(how)
            strike = call.strike(fault, load_phrases()["transfer_failed.declined"], within_s=DECLINED_WITHIN_S)
            with strike.watched():
                await call.type(wish)
                await call.until("transfer_ended", count=number, disposition="declined")
                await call.until_heard(strike)
            crew.break_models("")
            wish = WANTS_NOW
        await call.until_quiet()
        await call.type(WANTS_NOW)
        await call.until_said("susan", speaker="agent_b")


async def _lose_sound(stage: Stage) -> None:
    """A consult whose sound or transcript fails goes on as text."""
    crew = await stage.crew("faulty_spoken", CONSULT_MODE="spoken")
    for fault in _IN_SPOKEN_CONSULT:
        async with stage.call(crew) as call:
            await call.come_to(State.CONSULTING)
            crew.break_models(fault.name)
            strike = call.strike(fault, within_s=CONSULTED_WITHIN_S)
            with strike.watched():
                await call.until("target_accepted")
                crew.break_models("")
                await call.until("transfer_ended", disposition="completed")
                await call.until_heard(strike, by="agent_b")
            crew.break_models("")
