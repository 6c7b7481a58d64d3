"""One random call from its first word to 60 s after its end, and what was wrong then."""

import asyncio
import contextlib
from dataclasses import dataclass, fields, replace
from random import Random

from warm_transfer.stand.soak.log_check import is_log_sound
from warm_transfer.stand.soak.plan import CallPlan, TransferPlan, draw
from warm_transfer.stand.soak.virtual_loop import StuckError, VirtualLoop
from warm_transfer.stand.soak.world import CALLER_ROOM, NothingSaid, World
from warm_transfer.transfer import events
from warm_transfer.transfer.coordinator import Coordinator, Ports
from warm_transfer.transfer.errors import CallOverError, IllegalEventError
from warm_transfer.transfer.terms import Deadline, Disposition, Move, Offer, State

LONGEST_CALL_S = 3600.0
LISTENED_S = 0.5
UNTOLD_S = 25.0
"""An update comes each 20 s, and takes a phrase."""
SETTLING_S = 60.0
"""After the call: every agent's own waits are over by then."""
DEADLINES = {
    Deadline.ARM: 30.0,
    Deadline.HOLD: 0.7,
    Deadline.UPDATE: 20.0,
    Deadline.RING: 15.0,
    Deadline.CONSULT: 60.0,
    Deadline.MOVE: 5.0,
}
"""The settings' defaults."""
SILENT_S = DEADLINES[Deadline.HOLD] + DEADLINES[Deadline.MOVE] + 1.0
"""A caller who hears neither an agent nor music for longer is stranded: a move without a hold before it may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often each was found; 0 is sound."""

    stranded: int = 0
    """Callers who are in no room with an agent, or whose call never ended."""
    double_connected: int = 0
    """Callers with two agents who speak."""
    hold_left: int = 0
    """Music after the hold."""
    consult_left: int = 0
    """Consult or final rooms that nobody is in."""
    agents_left: int = 0
    """Targets in a room without a caller."""
    log_wrong: int = 0
    """Calls whose log has a transfer or an attempt without exactly one end, at once, and the right one."""

    def __add__(self, other: "Faults") -> "Faults":
        return Faults(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


def run(seed: int) -> Faults:
    """Run the call of that seed."""
    plan = draw(Random(seed))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            return runner.run(_run(plan))
        except (StuckError, TimeoutError):
            return Faults(stranded=1)


async def _run(plan: CallPlan) -> Faults:
    async with asyncio.timeout(LONGEST_CALL_S), asyncio.TaskGroup() as tasks:
        world = World(tasks)
        coordinator = _coordinator(world)
        world.post_of_call = coordinator.post
        caller = [tasks.create_task(_talk(plan, world, coordinator))]
        if plan.hangs_up_after_s is not None:
            caller.append(tasks.create_task(_hang_up(plan.hangs_up_after_s, world)))
        listening = tasks.create_task(_listen(world, coordinator))
        outcome = await coordinator.run()
        listening.cancel()
        hold_left = world.hold_left + int(world.plays_music and outcome.move is not None)
        if outcome.move is not Move.JOIN_CALLER_ROOM:
            world.delete(CALLER_ROOM)
        stranded = int(world.is_unheard or not (world.has_hung_up or world.with_caller))
        world.has_hung_up = True
        for task in caller:
            task.cancel()
        # Whoever is with Agent B says goodbye in the end.
        await asyncio.sleep(SETTLING_S)
        world.hang_up()
        world.rooms.discard(CALLER_ROOM)
        await asyncio.sleep(SETTLING_S)
        faults = Faults(
            stranded=stranded,
            double_connected=world.double_connected,
            hold_left=hold_left,
            consult_left=len(world.rooms),
            agents_left=sum(not one.is_over for one in world.targets),
            log_wrong=int(not is_log_sound(world, plan, DEADLINES)),
        )
        for target in world.targets:
            target.gone.set()
    return faults


def _coordinator(world: World) -> Coordinator:
    return Coordinator(
        ports=Ports(caller=world, target=world, conversation=NothingSaid(), record=world.record),
        deadlines=DEADLINES,
    )


async def _talk(plan: CallPlan, world: World, coordinator: Coordinator) -> None:
    """Answer every offer of the plan, one after the other, and hang up after the last that failed."""
    for number, transfer in enumerate(plan.transfers):
        await asyncio.sleep(transfer.after_s)
        world.expect(transfer.targets)
        world.taken_back.clear()
        try:
            await _offer(plan.move, transfer, number, world, coordinator)
            if transfer.agrees:
                await _request(plan.move, transfer, world, coordinator)
                await world.taken_back.wait()
        except CallOverError:  # hung up in the middle of it
            return
    await asyncio.sleep(1.0)
    world.hang_up()


async def _offer(move: Move, transfer: TransferPlan, number: int, world: World, coordinator: Coordinator) -> None:
    names = [f"target_{place}" for place in range(len(transfer.targets))]
    offer = Offer(
        transfer_id=f"t{number}", target=names[0], others=tuple(names[1:]), skill="billing", reason="charged twice"
    )
    arms_with = move if transfer.is_armed else None
    if transfer.changes_mind:
        await coordinator.submit(events.TransferOffered(replace(offer, transfer_id=f"other{number}"), arms_with))
    await coordinator.submit(events.TransferOffered(offer, arms_with))
    await asyncio.sleep(transfer.answers_after_s)
    if not transfer.agrees:
        await coordinator.submit(events.OfferWithdrawn())


async def _request(move: Move, transfer: TransferPlan, world: World, coordinator: Coordinator) -> None:
    world.agent_a_speaks = False
    await coordinator.submit(events.TransferRequested(move))
    if transfer.asks_twice:
        with contextlib.suppress(IllegalEventError):
            await coordinator.submit(events.TransferRequested(move))
    if transfer.cancels_after_s is not None:
        asyncio.get_running_loop().call_later(transfer.cancels_after_s, _cancel, world, coordinator)


def _cancel(world: World, coordinator: Coordinator) -> None:
    if coordinator.situation.state in (State.RINGING, State.CONSULTING):
        world.caller_ends(Disposition.CANCELLED)
    coordinator.post(events.CancelRequested())


async def _listen(world: World, coordinator: Coordinator) -> None:
    """Note a caller to whom nobody speaks and no music plays, or who hears nothing but music."""
    quiet_s = 0.0
    while True:
        await asyncio.sleep(LISTENED_S)
        quiet_s = quiet_s + LISTENED_S if world.is_quiet else 0.0
        is_held = world.plays_music and coordinator.situation.state in (State.RINGING, State.CONSULTING)
        untold_s = asyncio.get_running_loop().time() - world.told_at if is_held and world.told_at else 0.0
        world.is_unheard |= quiet_s > SILENT_S or untold_s > UNTOLD_S


async def _hang_up(after_s: float, world: World) -> None:
    await asyncio.sleep(after_s)
    world.hang_up()
