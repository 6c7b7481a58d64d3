"""A job that raises is dead for its worker, though livekit-agents ends its process as if the call were over."""

import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from warm_transfer.control.dead_jobs import dying_of_errors, dying_with_the_worker, lost_job
from warm_transfer.transfer.wire import AgentAJob, BusyJob

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


async def ends() -> None:
    pass


async def raises() -> None:
    raise RuntimeError("a bug")


async def raises_as_a_group() -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(raises())


async def awaits_a_cancelled_task() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    task.cancel()
    await task


async def is_cancelled() -> None:
    entrypoint = asyncio.current_task()
    assert entrypoint is not None
    entrypoint.cancel()
    await asyncio.sleep(0)


Job = Callable[[], Coroutine[Any, Any, None]]


def run_as_livekit_does(job: Job) -> None:
    """Run the job in this process: what it raises is swallowed, then come the shutdown callbacks."""
    callbacks: list[Job] = []
    ctx = cast(Any, SimpleNamespace(add_shutdown_callback=callbacks.append))

    async def entrypoint() -> None:
        with dying_of_errors(ctx):
            await job()

    async def main() -> None:
        await asyncio.gather(asyncio.create_task(entrypoint()), return_exceptions=True)
        for callback in callbacks:
            await callback()

    asyncio.run(main())


def process_of(job: Job, metadata: AgentAJob | BusyJob) -> Any:
    """The process of a job, as the worker's process pool has it once it is closed."""
    process = PROCESSES.Process(target=run_as_livekit_does, args=(job,))
    process.start()
    process.join()
    job_info = SimpleNamespace(id="job", metadata=metadata.model_dump_json(), room=SimpleNamespace(name="caller-1"))
    running = SimpleNamespace(job=job_info, accept_arguments=SimpleNamespace(identity="agent_a-1"))
    return SimpleNamespace(running_job=running, exitcode=process.exitcode)


@pytest.mark.parametrize("job", [raises, raises_as_a_group, awaits_a_cancelled_task])
def test_job_that_raises_is_dead_for_its_worker(job: Job) -> None:
    lost = lost_job(process_of(job, AgentAJob(call_id="call")))
    assert lost is not None
    assert (lost.call_id, lost.identity, lost.room) == ("call", "agent_a-1", "caller-1")


@pytest.mark.parametrize("job", [ends, is_cancelled])
def test_job_that_ends_or_is_told_to_is_not_dead(job: Job) -> None:
    assert lost_job(process_of(job, AgentAJob(call_id="call"))) is None


def test_busy_role_that_raises_leaves_its_caller_to_those_who_look_for_the_unanswered() -> None:
    assert lost_job(process_of(raises, BusyJob(call_id="call", caller_identity="caller"))) is None


CLEANS_UP_S = 30.0


async def works_until_its_worker_is_gone() -> None:
    try:
        with dying_with_the_worker():
            await asyncio.sleep(CLEANS_UP_S)
    finally:
        await asyncio.sleep(CLEANS_UP_S)


def run_job(job: Job) -> None:
    asyncio.run(job())


def run_worker(told: "multiprocessing.connection.Connection") -> None:
    process = multiprocessing.get_context("fork").Process(target=run_job, args=(works_until_its_worker_is_gone,))
    process.start()
    told.send(process.pid)
    process.join()


def test_job_ends_with_its_killed_worker_and_does_not_clean_up_first() -> None:
    ours, theirs = multiprocessing.Pipe()
    worker = PROCESSES.Process(target=run_worker, args=(theirs,))
    worker.start()
    assert ours.poll(60)
    job = psutil.Process(ours.recv())
    time.sleep(0.3)
    worker.kill()
    worker.join()
    with contextlib.suppress(psutil.NoSuchProcess):
        job.wait(timeout=CLEANS_UP_S / 3)
    assert not job.is_running()


async def test_job_that_raises_in_the_console_does_not_end_the_console() -> None:
    callbacks: list[Job] = []
    with (
        pytest.raises(RuntimeError),
        dying_of_errors(cast(Any, SimpleNamespace(add_shutdown_callback=callbacks.append))),
    ):
        raise RuntimeError("a bug")
    assert callbacks == []
