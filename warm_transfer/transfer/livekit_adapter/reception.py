"""Where a person comes to be briefed: from our page into the consult room, from any other client into the final one."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from livekit import rtc

from warm_transfer.transfer import events
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.errors import TargetUnavailableError, WireError
from warm_transfer.transfer.livekit_adapter.consult_link import ConsultLink
from warm_transfer.transfer.livekit_adapter.errands import Errands
from warm_transfer.transfer.livekit_adapter.meeting import Meeting, Show, as_chat
from warm_transfer.transfer.livekit_adapter.rooms import Rooms
from warm_transfer.transfer.ports import ConsultVoice, Post
from warm_transfer.transfer.understanding.questions import is_question
from warm_transfer.transfer.understanding.target_words import declines_call, takes_call
from warm_transfer.transfer.wire import (
    CHAT_TOPIC,
    CONSULT_TOPIC,
    DESK_PREFIX,
    Answer,
    Brief,
    Dismiss,
    Question,
    read_consult_message,
)

logger = logging.getLogger(__name__)

MOST_TYPED = 1000
"""Characters of one typed question."""

MakeVoice = Callable[[Callable[[str, str], object]], ConsultVoice]
"""A voice for one consult; what it hears goes to the callback: speaker's identity, text."""


class Reception:
    """Lets the first person in who was rung, shows later ones out, and speaks with the first.

    From our page accept, decline and more time are commands and never come this way; from any other client they are
    words.
    """

    def __init__(
        self,
        *,
        rooms: Rooms,
        consult: ConsultLink,
        lobby: ConsultLink | None,
        roster_id: str,
        make_voice: MakeVoice,
        decision: str,
        post: Post,
        errands: Errands,
        on_heard: Callable[[str, str], object],
        on_come: Callable[[str], object],
        has_accepted: Callable[[], bool],
    ) -> None:
        """Both links are not connected yet.

        `lobby` leads to the final room, None if that is the caller's; `decision` is the question to who has no buttons.
        """
        self._rooms = rooms
        self._consult = consult
        self._lobby = lobby
        """None, too, once nobody is or comes there."""
        self._roster_id = roster_id
        self._make_voice = make_voice
        self._decision = decision
        self._post = post
        self._errands = errands
        self._on_heard = on_heard
        self._on_come = on_come
        self._has_accepted = has_accepted
        self._person: str | None = None
        self._meeting: Meeting | None = None
        self._is_asked = False
        """The person was told the briefing: a "connect" before it is no answer."""
        for link in (consult, lobby):
            if link is not None:
                self._watch(link)
        consult.room.on("data_received", self._take_packet)

    def see_who_is_there(self) -> None:
        """Take who came while we joined."""
        for link in (self._consult, self._lobby):
            for participant in list(link.room.remote_participants.values()) if link else ():
                self._see(link, participant)

    async def brief(self, briefing: Briefing) -> None:
        """Show the briefing and begin to speak it; who has no buttons is asked for a word."""
        has_buttons = self._lobby is None
        spoken = briefing.spoken() if has_buttons else f"{briefing.spoken()} {self._decision}"
        await self._met().tell(Brief(briefing=briefing), spoken)
        self._is_asked = True

    async def answer(self, text: str) -> None:
        """Show the answer and begin to speak it."""
        await self._met().tell(Answer(text=text), text)

    def hush(self) -> None:
        """Fall silent."""
        self._met().hush()

    async def part(self, message: Dismiss) -> None:
        """Tell the person, if there is one, that the call is not theirs."""
        if self._meeting is not None:
            await self._meeting.part(message)

    async def leave(self) -> None:
        """Stop speaking and listening, and be out of the final room."""
        meeting, self._meeting = self._meeting, None
        if meeting is not None:
            await meeting.end()
        await self._leave_lobby()

    def _watch(self, link: ConsultLink) -> None:
        link.room.on("participant_connected", lambda participant: self._see(link, participant))
        link.room.on("participant_disconnected", self._miss)
        link.room.register_text_stream_handler(CHAT_TOPIC, self._take_text)

    def _see(self, link: ConsultLink | None, participant: rtc.RemoteParticipant) -> None:
        identity = participant.identity
        if link is None or not identity.startswith(f"{DESK_PREFIX}{self._roster_id}-"):
            return
        if self._person is None:
            self._person = identity
            self._errands.start(self._meet(link, identity))
        elif identity != self._person:
            logger.info("a second desk shown out")
            self._errands.start(self._rooms.remove(link.name, identity))

    async def _meet(self, link: ConsultLink, person: str) -> None:
        """Be heard by the person; then it has answered."""
        show: Show
        if link is self._lobby:
            show = as_chat(link.room, person)
        else:
            await self._leave_lobby()
            show = _as_message(link, person)
        self._on_come(person)
        voice = self._make_voice(self._hear)
        self._meeting = Meeting(link.room, person, voice=voice, show=show, start=self._errands.start)
        await self._meeting.begin()
        self._post(events.TargetAnswered(person))

    def _miss(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._person and not self._has_accepted():
            self._post(events.TargetLeft())

    def _take_packet(self, packet: rtc.DataPacket) -> None:
        """A question that the desk's page sends."""
        if packet.topic != CONSULT_TOPIC or packet.participant is None or packet.participant.identity != self._person:
            return
        try:
            message = read_consult_message(packet.data)
        except WireError as error:
            logger.warning("message of the desk dropped", extra={"why": error.sentence})
            return
        if isinstance(message, Question):
            self._ask(message.text)

    def _take_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        """What the person types into any LiveKit client."""
        if identity == self._person:
            self._errands.start(self._read(reader))

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        text = await reader.read_all()
        if not self._decide(text):
            self._ask(text)

    def _hear(self, identity: str, text: str) -> None:
        self._on_heard(identity, text)
        if not self._decide(text) and is_question(text):
            self._ask(text)

    def _decide(self, text: str) -> bool:
        """Take the word of a person who has no buttons; False if it is none, or too early."""
        if self._lobby is None or not self._is_asked or self._has_accepted():
            return False
        if takes_call(text):
            self._post(events.TargetAccepted())
        elif declines_call(text):
            self._post(events.TargetDeclined("declined"))
        else:
            return False
        return True

    def _ask(self, text: str) -> None:
        if question := text.strip()[:MOST_TYPED]:
            self._post(events.QuestionAsked(question))

    async def _leave_lobby(self) -> None:
        lobby, self._lobby = self._lobby, None
        if lobby is not None:
            await lobby.close()

    def _met(self) -> Meeting:
        if self._meeting is None:
            raise TargetUnavailableError("nobody is at the desk")
        return self._meeting


def _as_message(link: ConsultLink, person: str) -> Show:
    """Shows turns as consult messages, for our page."""

    def show(message: Brief | Answer | Dismiss) -> Coroutine[Any, Any, None]:
        return link.send(message, to=person)

    return show
