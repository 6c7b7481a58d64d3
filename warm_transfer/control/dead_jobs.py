"""Tells when a job of this worker has died: at once, where LiveKit's server takes 20 s and does nothing."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from livekit.agents import AgentServer, JobContext
from livekit.agents.ipc.job_executor import JobExecutor

from warm_transfer.control.recovery import LostJob
from warm_transfer.transfer.errors import WireError
from warm_transfer.transfer.wire import BusyJob, read_job_metadata

logger = logging.getLogger(__name__)

FAILED = 1
"""Exit code of a job's process whose job raised."""


def on_dead_job(server: AgentServer, recover: Callable[[LostJob], Coroutine[Any, Any, None]]) -> None:
    """Call `recover` for each job whose process ends otherwise than by itself, once the server runs.

    `process_closed` of the process pool is not public: pinned with livekit-agents 1.8.9, and tested with a kill.
    """
    tasks: set[asyncio.Task[None]] = set()

    def note_end(process: JobExecutor) -> None:
        lost = lost_job(process)
        if lost is not None:
            task = asyncio.create_task(recover(lost), name=f"recover {lost.identity}")
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server.on("worker_started", lambda: server._proc_pool.on("process_closed", note_end))


def lost_job(process: JobExecutor) -> LostJob | None:
    """The job that died with this process; None if it ran none of ours, or ended by itself."""
    running = process.running_job
    if running is None or getattr(process, "exitcode", None) == 0:
        return None
    try:
        job = read_job_metadata(running.job.metadata)
    except WireError:
        return None
    if isinstance(job, BusyJob):  # its caller is unanswered again, and looked after as such
        return None
    return LostJob.of(
        job, job_id=running.job.id, identity=running.accept_arguments.identity, room=running.job.room.name
    )


@contextlib.contextmanager
def dying_with_the_worker() -> Iterator[None]:
    """End this job's process at the moment its worker's is gone.

    livekit-agents would cancel the job and wait for its clean-up: 6 s in a spoken consult, in which the job still kept
    its line to the watcher and nobody else took the call.
    """
    worker = multiprocessing.parent_process()
    if worker is None:  # the console's job runs in the worker's own process
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.sentinel, os._exit, FAILED)
    try:
        yield
    finally:
        loop.remove_reader(worker.sentinel)


@contextlib.contextmanager
def dying_of_errors(ctx: JobContext) -> Iterator[None]:
    """Let this job's process end with an error if the job raises.

    livekit-agents logs what an entrypoint raises and ends its process with 0, as if the call were over.
    """
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if not _is_told_to_end(error) and multiprocessing.parent_process() is not None:  # the console's has none
            ctx.add_shutdown_callback(_end_process)
        raise


def _is_told_to_end(error: BaseException) -> bool:
    """Whether livekit-agents cancels this job; a task of ours that was cancelled may raise the same."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _end_process() -> None:
    """LiveKit's last step for a job: the room is left, and the log has been told."""
    os._exit(FAILED)
