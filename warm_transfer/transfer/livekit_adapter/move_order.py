"""The start of a caller's move into the final room: by its client or by the server."""

from typing import Literal

from livekit import rtc

from warm_transfer.transfer.errors import MoveRefusedError, TargetUnavailableError
from warm_transfer.transfer.livekit_adapter.rooms import Rooms, ServerAccess
from warm_transfer.transfer.livekit_adapter.tokens import MOVE_TOKEN_TTL, caller_token
from warm_transfer.transfer.terms import Move
from warm_transfer.transfer.wire import ARM_METHOD, MOVE_METHOD, ArmOrder, MoveOrder


async def start_move(
    move: Literal[Move.CLIENT_MOVE, Move.CLOUD_MOVE],
    access: ServerAccess,
    rooms: Rooms,
    *,
    caller_room: rtc.Room,
    caller_identity: str,
    final_room: str,
) -> None:
    """Have the caller moved; that this returns is no proof of it.

    Raises:
        MoveRefusedError: client or server refused, or did not answer.
    """
    if move is Move.CLIENT_MOVE:
        await _order_move(access, caller_room=caller_room, caller_identity=caller_identity, final_room=final_room)
        return
    try:
        await rooms.move(caller_room.name, caller_identity, final_room)
    except TargetUnavailableError as error:
        raise MoveRefusedError("the server refused to move the caller") from error


async def call_ahead(
    access: ServerAccess, *, caller_room: rtc.Room, caller_identity: str, final_room: str, wait_s: float
) -> None:
    """Have the caller's client join the final room, muted, and wait there at most so long for the move.

    Raises:
        MoveRefusedError: it can't, or did not answer.
    """
    token = caller_token(access, room=final_room, identity=caller_identity, can_move=True, ttl=MOVE_TOKEN_TTL)
    order = ArmOrder(token=token, room=final_room, wait_s=wait_s)
    await _order(access, ARM_METHOD, order, caller_room=caller_room, caller_identity=caller_identity)


async def _order_move(access: ServerAccess, *, caller_room: rtc.Room, caller_identity: str, final_room: str) -> None:
    """Send the order to the client, with a token for that room alone."""
    token = caller_token(access, room=final_room, identity=caller_identity, can_move=True, ttl=MOVE_TOKEN_TTL)
    order = MoveOrder(token=token, room=final_room)
    await _order(access, MOVE_METHOD, order, caller_room=caller_room, caller_identity=caller_identity)


async def _order(
    access: ServerAccess, method: str, order: MoveOrder, *, caller_room: rtc.Room, caller_identity: str
) -> None:
    try:
        await caller_room.local_participant.perform_rpc(
            destination_identity=caller_identity,
            method=method,
            payload=order.model_dump_json(),
            response_timeout=access.rpc_timeout_s,
        )
    except rtc.RpcError as error:
        raise MoveRefusedError("the caller's client refused to move") from error
