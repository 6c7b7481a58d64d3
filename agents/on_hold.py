"""Who a caller on hold talks to. None of the consult's tools exist here."""

from collections.abc import Callable

from livekit.agents import Agent, ChatContext, ChatMessage, StopResponse, function_tool

from agents.prompts import load_prompt
from agents.transfer_desk import TransferDesk


class OnHold(Agent):
    """Answers a held caller while Agent A consults with Agent B in another room."""

    def __init__(
        self,
        desk: TransferDesk,
        *,
        note_held: Callable[[], None],
        take_message: Callable[[str], bool] = lambda _: False,
    ) -> None:
        super().__init__(instructions=load_prompt("on_hold"))
        self._desk = desk
        self._note_held = note_held
        """Told when this agent has the session, so that the hold phrase can be said in it."""
        self._take_message = take_message
        """Gets the caller's words; True if they were a message, and need no answer."""

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:
        """Leave a message that was asked for by a key to itself: the model would answer it."""
        if self._take_message(new_message.text_content or ""):
            raise StopResponse

    async def on_enter(self) -> None:
        """Say nothing of one's own: a quick transfer needs no hold phrase."""
        self._note_held()

    @function_tool
    async def how_long(self) -> str:
        """Tell where the transfer stands. Use it when the caller asks how long, what is happening, or is impatient."""
        return self._desk.progress()

    @function_tool(on_duplicate="reject")
    async def cancel_transfer(self) -> None:
        """Stop the transfer and take the caller back. Only when the caller clearly says that they no longer want it."""
        await self._desk.cancel()
        raise StopResponse  # Agent A says the fixed phrase

    @function_tool
    async def leave_message(self, message: str) -> str:
        """Keep a message from the caller, to be read after the call.

        Args:
            message: What the caller wants to be passed on, in the caller's own words.
        """
        return self._desk.leave_message(message)
