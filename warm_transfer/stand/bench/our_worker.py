"""worker.py with the bench's providers. An entry of its own, as worker.py is: nothing imports it.

A file `first_line` beside UNWRITTEN_DIR that holds "say" has Agent B begin with a fixed line.
"""

from pathlib import Path
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle

import worker
from agents.agent_b import AgentB
from warm_transfer.settings import load_settings
from warm_transfer.stand.bench.dialogue import FIRST_LINE
from warm_transfer.stand.bench.models import register

register()
_generate = AgentSession.generate_reply
_first_line_file = Path(load_settings().unwritten_dir).with_name("first_line")


def _begin(self: AgentSession[Any], **wishes: Any) -> SpeechHandle:
    is_first = not wishes and isinstance(self._agent, AgentB) and not self.history.items
    if is_first and _first_line_file.exists() and _first_line_file.read_text() == "say":
        return self.say(FIRST_LINE)
    return _generate(self, **wishes)


# Job processes import this module again, so that they have it, too.
AgentSession.generate_reply = _begin  # type: ignore[method-assign]

if __name__ == "__main__":
    worker.app()
