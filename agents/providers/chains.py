"""Several providers in a row behind LiveKit's FallbackAdapters; one alone stays what it is."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

from livekit.agents import llm, stt, tts, vad
from livekit.agents.stt import AvailabilityChangedEvent as HearingChanged
from livekit.agents.tts import AvailabilityChangedEvent as VoiceChanged

from agents.providers.timely_llm import TimelyLLM
from warm_transfer.calls.events import CallEvent
from warm_transfer.providers import LOCAL, Kind

logger = logging.getLogger(__name__)

LOCAL_SHARE_S = 0.2
"""Of the budget: the local model answers within milliseconds, and the others need the time."""
HEARING_ATTEMPT_S = 5.0
"""For one provider to take a stream or an utterance; LiveKit's 10 s are longer than a caller waits."""

Record = Callable[[CallEvent, dict[str, Any]], object]


class Failovers:
    """Tells the call log of every provider that failed over, once there is one to tell."""

    def __init__(self) -> None:
        self._record: Record | None = None
        self._waiting: list[tuple[CallEvent, dict[str, Any]]] = []

    def tell(self, record: Record) -> None:
        """Record from now on, and what has happened before."""
        self._record = record
        waiting, self._waiting = self._waiting, []
        for event, payload in waiting:
            record(event, payload)

    def note(self, kind: Kind, provider: str, chain: list[str], *, is_available: bool) -> None:
        """A provider went away, or came back."""
        event = CallEvent.PROVIDER_RECOVERED if is_available else CallEvent.PROVIDER_FAILED_OVER
        payload: dict[str, Any] = {"kind": kind, "provider": provider}
        if not is_available:
            place = chain.index(provider)
            payload["to"] = chain[place + 1] if place + 1 < len(chain) else None
        logger.warning("a provider failed over" if not is_available else "a provider is back", extra=payload)
        if self._record is None:
            self._waiting.append((event, payload))
        else:
            self._record(event, payload)


def shares(names: list[str], first_token_s: float) -> dict[str, float]:
    """The seconds of a first token that each provider of a chain has; together they are `first_token_s`."""
    local_s = min(LOCAL_SHARE_S, first_token_s / len(names)) if LOCAL in names and len(names) > 1 else 0.0
    others = [name for name in names if not (name == LOCAL and local_s)]
    return {name: local_s if name not in others else (first_token_s - local_s) / len(others) for name in names}


def llm_chain(minds: Mapping[str, llm.LLM[Any]], first_token_s: float, failovers: Failovers) -> TimelyLLM:
    """One model in time, or several that share the time; a failed one is not tried again in the same answer."""
    if len(minds) == 1:
        return TimelyLLM(next(iter(minds.values())), first_token_s=first_token_s)
    names, share = list(minds), shares(list(minds), first_token_s)
    timely = {
        name: TimelyLLM(mind, first_token_s=share[name], next_token_s=first_token_s, most_retries=0)
        for name, mind in minds.items()
    }
    chain = llm.FallbackAdapter(list(timely.values()), attempt_timeout=first_token_s)
    names_of = {id(mind): name for name, mind in timely.items()}

    def note(event: Any) -> None:
        failovers.note("llm", names_of[id(event.llm)], names, is_available=event.available)

    chain.on("llm_availability_changed", note)
    return TimelyLLM(chain, first_token_s=first_token_s, most_retries=0, also_closes=list(timely.values()))


def stt_chain(ears: Mapping[str, stt.STT[Any]], vad_model: vad.VAD, failovers: Failovers) -> stt.STT[Any]:
    """One recognizer, or several of which the next takes over in the middle of a stream."""
    if len(ears) == 1:
        return next(iter(ears.values()))
    streaming = {
        name: ear if ear.capabilities.streaming else stt.StreamAdapter(stt=ear, vad=vad_model)
        for name, ear in ears.items()
    }
    chain = stt.FallbackAdapter(
        list(streaming.values()), attempt_timeout=HEARING_ATTEMPT_S, max_retry_per_stt=0, retry_interval=0.5
    )
    names = list(streaming)

    def note(event: HearingChanged) -> None:
        failovers.note("stt", _name("stt", streaming, event.stt), names, is_available=event.available)

    chain.on("stt_availability_changed", note)
    return chain


def tts_chain(voices: Mapping[str, tts.TTS[Any]], failovers: Failovers) -> tts.TTS[Any]:
    """One voice, or several of which the next speaks where one fails."""
    if len(voices) == 1:
        return next(iter(voices.values()))
    chain = tts.FallbackAdapter(list(voices.values()), max_retry_per_tts=0)
    names = list(voices)

    def note(event: VoiceChanged) -> None:
        failovers.note("tts", _name("tts", voices, event.tts), names, is_available=event.available)

    chain.on("tts_availability_changed", note)
    return chain


def _name(kind: Literal["stt", "tts"], chain: Mapping[str, object], found: object) -> str:
    return next((name for name, one in chain.items() if one is found), kind)
