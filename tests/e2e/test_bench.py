import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from warm_transfer.stand.bench.figures import LAST_LINE
from warm_transfer.stand.worker_process import ROOT

DEADLINE_S = 180.0
"""25 s on two idle cores."""


@pytest.mark.timeout(DEADLINE_S + 20)
async def test_bench_measures_transfers_and_turns_against_livekit_alone(tmp_path: Path) -> None:
    arguments = ("--quick", "--only", "overhead,turns", "--results", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "warm_transfer.stand.bench"),
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
    )
    try:
        told, progress = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, progress.decode()
    last = json.loads(told.decode().splitlines()[-1])
    assert tuple(last) == LAST_LINE
    for key in ("overhead_ratio_p50", "overhead_ratio_p95", "overhead_ratio_cold", "turn_ratio"):
        assert last[key] is not None, progress.decode()
        assert 0.1 < last[key] < 100, told.decode()
    assert last["gap_heard_ms"] is None  # that part was not asked for
    kinds = {name.rpartition(".")[2] for name in os.listdir(tmp_path)}  # noqa: PTH208 - two names
    assert kinds == {"json", "svg"}
