import asyncio
import json
import time
from pathlib import Path

import numpy as np
import pytest
from livekit.agents import llm

from warm_transfer.calls.folding import read_call
from warm_transfer.calls.log import CallLog
from warm_transfer.stand.bench.dialogue import AGREES, ASKS_FOR_IT, TELLS, answer, first_line
from warm_transfer.stand.bench.figures import LAST_LINE, Findings, percentile, ratio
from warm_transfer.stand.bench.past_calls import add_past_calls, call_id
from warm_transfer.stand.bench.plots import draw
from warm_transfer.stand.bench.relay import relay
from warm_transfer.stand.bench.report import last_line, notes, write_results
from warm_transfer.stand.bench.room_ear import with_hole
from warm_transfer.stand.bench.sweep import Track, longest_loss_ms, sweep
from warm_transfer.stand.bench.transfers import covered_s
from warm_transfer.stand.caller.downlink import RATE_HZ

LATE = RATE_HZ // 11


def part(start_s: float, end_s: float) -> Track:
    """What a listener has who hears the sweep from one moment to another."""
    said = sweep(8.0)
    return LATE + int(start_s * RATE_HZ), said[int(start_s * RATE_HZ) : int(end_s * RATE_HZ)]


@pytest.mark.parametrize(("values", "percent", "expected"), [([3, 1, 2], 50, 2), (range(1, 101), 95, 95), ([7], 95, 7)])
def test_percentile_is_a_value_that_was_measured(values: list[float], percent: float, expected: float) -> None:
    assert percentile(list(values), percent) == expected


def test_providers_that_are_waited_for_at_once_count_once() -> None:
    spans = [(0.0, 2.0), (3.0, 5.0), (4.0, 6.0), (4.5, 4.6), (9.0, 20.0)]
    assert covered_s(spans, 1.0, 10.0) == pytest.approx(1 + 3 + 1)


def test_whole_sweep_in_two_rooms_one_after_the_other_is_no_loss() -> None:
    assert longest_loss_ms([part(0, 4), part(3.8, 8)]) == 0.0


def test_speech_that_came_into_neither_room_is_found() -> None:
    assert longest_loss_ms([part(0, 4), part(4.15, 8)]) == pytest.approx(150, abs=25)


def test_planted_hole_is_found_in_what_was_said() -> None:
    tracks = [part(0, 6), part(5, 8)]
    assert longest_loss_ms(with_hole(tracks, RATE_HZ // 10)) == pytest.approx(100, abs=25)


def test_silence_has_no_sweep() -> None:
    with pytest.raises(ValueError, match="nothing of the sweep"):
        longest_loss_ms([(0, np.zeros(RATE_HZ, np.int16))])


def talk(*turns: tuple[llm.ChatRole, str]) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    for role, text in turns:
        context.add_message(role=role, content=text)
    return context


OURS = frozenset({"offer_transfer", "transfer_call", "take_message"})


@pytest.mark.parametrize(
    ("said", "tools", "tool"),
    [
        (TELLS, OURS, "offer_transfer"),
        (ASKS_FOR_IT, OURS, "offer_transfer"),
        (AGREES, OURS, "transfer_call"),
        (ASKS_FOR_IT, frozenset({"transfer_call"}), "transfer_call"),
        ("Hm.", OURS, ""),
        ("A briefing.", frozenset({"accept_transfer", "decline_transfer"}), "accept_transfer"),
    ],
)
def test_model_of_the_bench_calls_the_tool_that_the_words_ask_for(said: str, tools: frozenset[str], tool: str) -> None:
    assert answer(talk(("user", said)), tools)[1] == tool


def test_first_line_is_made_from_the_briefing() -> None:
    assert "charged twice" in first_line("# Identity\nBen\n\n# Briefing\nThe caller was charged twice.")
    assert "charged" not in first_line("# Identity\nBen\n\n# Briefing\nThe line is dead.")


def test_last_line_has_every_figure_and_null_with_a_reason_for_what_is_missing() -> None:
    findings = Findings(part="turns")
    findings.tell("turn_ratio", ratio(210.0, 200.0))
    findings.tell("cpu_ratio", ratio(None, 1.0), "no call was placed")
    told = last_line([findings])
    assert tuple(told) == LAST_LINE
    assert told["turn_ratio"] == 1.05
    assert told["cpu_ratio"] is None
    assert "cpu_ratio is null: no call was placed" in notes([findings])


def test_results_are_kept_with_every_value_and_a_picture(tmp_path: Path) -> None:
    findings = Findings(part="turns")
    findings.add("ours", "ms", [3.0, 1.0, 2.0])
    findings.add("theirs", "ms", [], "the server did not start")
    file = write_results(tmp_path, [findings], is_quick=True)
    kept = json.loads(file.read_text())
    ours, theirs = kept["parts"][0]["rows"]
    assert (ours["median"], ours["p95"], ours["values"]) == (2.0, 3.0, [3.0, 1.0, 2.0])
    assert (theirs["median"], theirs["why_not"]) == (None, "the server did not start")
    (picture,) = draw(file.parent, file.stem, [findings])
    assert "<svg" in picture.read_text()


def test_past_calls_are_calls_that_the_log_can_read(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite3"
    with CallLog(f"sqlite:///{file}") as log:
        add_past_calls(log, file, 0, 3)
        add_past_calls(log, file, 3, 5)
        call = read_call(log, call_id(4))
        assert len(log.call_ids(10)) == 5
    assert call.ended_at is not None
    assert [one.disposition for one in call.transfers] == ["completed"]


async def test_relay_holds_up_what_is_said_both_ways_and_gives_its_own_port() -> None:
    udp = 54321

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5) + f" 127.0.0.1 {udp} typ host".encode())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, relay((server.sockets[0].getsockname()[1], udp), 0.05) as way:
        port = int(way.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began_s = time.monotonic()
        writer.write(b"hello")
        told = await reader.read()
        took_s = time.monotonic() - began_s
        writer.close()
    assert told == f"hello 127.0.0.1 {port + 2} typ host".encode()
    assert took_s >= 0.1
