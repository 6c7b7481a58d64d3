"""`make eval`: holds every conversation with the configured model; table, JSON file, one last line of JSON."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agents.providers import local_stt, local_tts
from agents.providers.catalog import build_mind
from agents.roster import Roster, load_roster
from warm_transfer.settings import Settings, load_settings
from warm_transfer.stand.evaluation.conversations import Conversation, load_set
from warm_transfer.stand.evaluation.judge import judge
from warm_transfer.stand.evaluation.judged_call import JudgedCall
from warm_transfer.stand.evaluation.report import Case, as_json, injection_numbers, last_line, numbers, show
from warm_transfer.transfer.errors import SettingsError

SETS = ("tuning", "held_out")
INJECTIONS = "injections"
_VOICE = "caller"


def main(
    only: Annotated[str, typer.Option(help="A set: tuning, held_out or injections.")] = "",
    name: Annotated[str, typer.Option(help="Conversations whose name has this in it.")] = "",
) -> None:
    """Hold the conversations, judge them, and say what came of it."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
    try:
        settings, roster = load_settings(), load_roster()
        sets = {one: _named(load_set(one), name) for one in (*SETS, INJECTIONS) if only in ("", one)}
    except SettingsError as error:
        sys.exit(str(error))
    cases = asyncio.run(_hold_all(settings, roster, sets))
    _report(Console(width=100), settings, cases)


def _named(found: Sequence[Conversation], name: str) -> tuple[Conversation, ...]:
    return tuple(one for one in found if name in one.name)


async def _hold_all(
    settings: Settings, roster: Roster, sets: dict[str, tuple[Conversation, ...]]
) -> dict[str, list[Case]]:
    """The cases of each set; a set's own injections count among the injections, and are spoken as well."""
    cases: dict[str, list[Case]] = {one: [] for one in (*sets, INJECTIONS)}
    for set_name, conversations in sets.items():
        for one in conversations:
            place = cases[INJECTIONS if one.injection else set_name]
            place.append(await _hold(settings, roster, one, heard_as=None))
            if one.injection:
                place.append(await _hold(settings, roster, one, heard_as=_spoken))
    return cases


async def _hold(
    settings: Settings, roster: Roster, conversation: Conversation, *, heard_as: Callable[[str], str] | None
) -> Case:
    mind = build_mind(settings)
    async with mind as model, JudgedCall(model, roster, briefing_timeout_s=settings.briefing_timeout_s) as call:
        held = await call.hold(conversation, heard_as=heard_as or (lambda said: said))
    seconds = None
    if held.briefing is not None:
        samples = local_tts.synthesize(held.briefing.spoken(), "ada")
        seconds = len(samples) / local_tts.SAMPLE_RATE_HZ
    is_spoken = heard_as is not None
    return Case(
        conversation=conversation,
        held=held,
        judgement=judge(conversation, held, is_spoken=is_spoken),
        is_spoken=is_spoken,
        spoken_s=seconds,
    )


def _spoken(text: str) -> str:
    """What the local recognizer makes of these words in a caller's voice."""
    return local_stt.transcribe(local_tts.synthesize(text, _VOICE), local_tts.SAMPLE_RATE_HZ)


def _report(console: Console, settings: Settings, cases: dict[str, list[Case]]) -> None:
    injections = injection_numbers(cases[INJECTIONS])
    figures = {one: numbers(cases[one]) for one in SETS if one in cases}
    for set_name, told in figures.items():
        show(console, f"{set_name}, {settings.llm_provider}", cases[set_name], told)
    show(console, "injections, typed and spoken", cases[INJECTIONS], injections)
    file = Path("runs") / f"eval-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.parent.mkdir(exist_ok=True)
    everything = {
        "figures": figures | {INJECTIONS: injections},
        "cases": {key: as_json(one) for key, one in cases.items()},
    }
    file.write_text(json.dumps(everything, indent=2), encoding="utf-8")
    console.print(f"Every word of it: {file}", highlight=False)
    if not figures.get("held_out", {}).get("conversations"):
        console.print("No conversation of held_out was held: what follows is not about it.")
    measured = figures.get("held_out") or numbers([])
    print(json.dumps(last_line(measured, injections)))  # noqa: T201  the last line is for a program


if __name__ == "__main__":
    typer.run(main)
