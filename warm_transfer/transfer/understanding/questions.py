"""Whether somebody asks something: recognized speech has no reliable question mark."""

import re

from warm_transfer.transfer.understanding.wording import normalized

_ASKING = re.compile(
    r"^(?:(?:okay|ok|and|so|but|well|hi|hello|hey|alex|please|um|uh|thanks|thank you|one moment"
    r"|wait|since|from|for|at|to|by) )*"
    r"(?:what|whats|who|whos|whose|when|where|which|why|how|did|does|do|is|are|was|were|has|have|had"
    r"|can|could|would|will|should|tell me|do you|any)\b"
)


def is_question(text: str) -> bool:
    """Whether these words of one utterance ask something."""
    if "?" in text:
        return True
    sentences = re.split(r"[.!;]", text)
    return any(_ASKING.match(normalized(one)) for one in sentences if len(one.split()) > 1)
