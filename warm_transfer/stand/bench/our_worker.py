"""worker.py with the bench's providers, and a fixed first line of Agent B where one is measured.

An entry of its own, as worker.py is: nothing imports it.
"""

from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

import worker
from agents.agent_b import AgentB
from warm_transfer.stand.bench.dialogue import FIRST_LINE
from warm_transfer.stand.bench.marks import is_first_line_fixed
from warm_transfer.stand.bench.models import register

register()
_generate = AgentSession.generate_reply


def _begin(self: AgentSession[Any], **wishes: Any) -> SpeechHandle:
    is_first = not wishes and isinstance(self._agent, AgentB) and not self.history.messages()
    return self.say(FIRST_LINE) if is_first and is_first_line_fixed() else _generate(self, **wishes)


# Job processes import this module again, so that they have it, too.
AgentSession.generate_reply = _begin  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
