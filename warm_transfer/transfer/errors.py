"""One exception per situation; each carries a stable code for the wire and a sentence for a person."""


class WarmTransferError(Exception):
    """Base of all errors of this project."""

    code = "internal"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SettingsError(WarmTransferError):
    """A setting is missing, malformed or contradicts another: the operator's to mend, at start."""

    code = "bad_settings"


class StartError(WarmTransferError):
    """Something the local stand needs cannot be started: a taken port, a missing tool."""

    code = "cannot_start"


class IllegalEventError(WarmTransferError):
    """An event came in a state that has no row for it; nothing was changed."""

    code = "illegal_event"


class CallOverError(IllegalEventError):
    """An event came when the call was over for this job; nothing has a meaning any more."""

    code = "call_over"


class TargetUnavailableError(WarmTransferError):
    """The target could not be reached at all: no room, no dispatch, no server."""

    code = "target_unavailable"


class BadSkillError(WarmTransferError):
    """Nobody who could be called has the skill."""

    code = "bad_skill"


class AttemptOverError(WarmTransferError):
    """A target decides on a call that rings there no more."""

    code = "attempt_over"


class MoveRefusedError(WarmTransferError):
    """The caller's client or the server refused to move the caller."""

    code = "move_refused"


class WireError(WarmTransferError):
    """A message from outside does not have the agreed shape; it is dropped."""

    code = "bad_message"
