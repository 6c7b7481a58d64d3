"""Answers as LiveKit Cloud does: a proxy in front of a stock server, which alone can't move a participant.

Everything but MoveParticipant goes through: API, clients, workers. A cloud keeps the client's connection and tells it
by RoomMoved which room it is in now; here nobody can carry its media over, so the client gets the same message and
joins anew.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from livekit import api
from livekit.protocol.models import Room
from livekit.protocol.rtc import RoomMovedResponse

from warm_transfer.stand.server import free_port
from warm_transfer.transfer.livekit_adapter.rooms import ServerAccess
from warm_transfer.transfer.livekit_adapter.tokens import caller_token

MOVE_PATH = "/twirp/livekit.RoomService/MoveParticipant"
HTTP_STATUS = {"invalid_argument": 400, "unauthenticated": 401, "not_found": 404, "unknown": 500, "unimplemented": 501}
"""By Twirp's error code: https://twitchtv.github.io/twirp/docs/errors.html."""

Refuse = Callable[[], Awaitable[str]]
"""Gives the Twirp error code with which a move is refused; it may take its time."""


class TwirpRefusalError(Exception):
    """The server's no, with its Twirp error code."""


class CloudServer:
    """Moves the clients that are registered in `clients`, by identity, once the context is entered."""

    def __init__(self, stock: ServerAccess) -> None:
        self._stock = stock
        self._port = free_port()
        self.clients: dict[str, Callable[[RoomMovedResponse], Awaitable[None]]] = {}
        self.refuse: Refuse | None = None
        self.asked: list[api.MoveParticipantRequest] = []
        """Every move that was asked for, refused or not."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application()
        app.router.add_post(MOVE_PATH, self._answer_move)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _answer_move(self, request: web.Request) -> web.Response:
        order = api.MoveParticipantRequest.FromString(await request.read())
        self.asked.append(order)
        try:
            self._check(request, order)
            if self.refuse is not None:
                raise TwirpRefusalError(await self.refuse())
            await self._move(order)
        except TwirpRefusalError as refusal:
            code = str(refusal)
            body = json.dumps({"code": code, "msg": f"the move is refused: {code}"})
            return web.Response(status=HTTP_STATUS[code], text=body, content_type="application/json")
        answer = api.MoveParticipantResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/protobuf")

    def _check(self, request: web.Request, order: api.MoveParticipantRequest) -> None:
        """As livekit-server's EnsureDestRoomPermission and RoomService.MoveParticipant do."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            video = api.TokenVerifier(self._stock.api_key, self._stock.api_secret).verify(token).video
        except Exception as error:  # PyJWT's own
            raise TwirpRefusalError("unauthenticated") from error
        named = (order.room, order.destination_room)
        if video is None or not video.room_admin or (video.room, video.destination_room) != named:
            raise TwirpRefusalError("unauthenticated")
        if order.room == order.destination_room:
            raise TwirpRefusalError("invalid_argument")

    async def _move(self, order: api.MoveParticipantRequest) -> None:
        room, identity = order.destination_room, order.identity
        if identity not in self.clients:
            raise TwirpRefusalError("not_found")
        token = caller_token(self._stock, room=room, identity=identity, can_move=False)
        await self.clients[identity](RoomMovedResponse(room=Room(name=room), token=token))

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        address = self._stock.url.replace("ws", "http", 1) + request.path_qs
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request, address, headers)
        async with self._session.request(request.method, address, headers=headers, data=await request.read()) as answer:
            kept = {
                name: answer.headers[name] for name in ("Content-Type", "Content-Encoding") if name in answer.headers
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _relay(self, request: web.Request, address: str, headers: dict[str, str]) -> web.StreamResponse:
        try:
            server = await self._session.ws_connect(address, headers=headers, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as error:
            return web.Response(status=error.status)
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)
        directions = {asyncio.create_task(_copy(client, server)), asyncio.create_task(_copy(server, client))}
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        await server.close()
        await client.close()
        return client


Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


async def _copy(source: Socket, to: Socket) -> None:
    async for message in source:
        match message.type:
            case aiohttp.WSMsgType.BINARY:
                await to.send_bytes(message.data)
            case aiohttp.WSMsgType.TEXT:
                await to.send_str(message.data)
            case _:
                return
