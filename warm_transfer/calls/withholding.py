"""A call as one Agent B may know it: what its roster entry masks is kept from it on every page, too."""

from collections.abc import Collection
from dataclasses import replace

from warm_transfer.calls.snapshots import CallSnapshot, TransferSnapshot
from warm_transfer.transfer.briefing import Briefing
from warm_transfer.transfer.understanding.privacy import PrivateKind, masked, masked_turns


def withheld(call: CallSnapshot, kinds: Collection[PrivateKind]) -> CallSnapshot:
    """The call with its words masked by these kinds, as the briefing of a target with that policy is."""
    turns = masked_turns(call.transcript, kinds)
    heard = tuple(replace(turn, text=told.text) for turn, told in zip(call.transcript, turns, strict=True))
    return replace(
        call,
        transcript=heard,
        transfers=tuple(_transfer(one, kinds) for one in call.transfers),
        messages=tuple(
            replace(
                one,
                text=masked(one.text, kinds),
                callback_number="" if "phone_number" in kinds else one.callback_number,
            )
            for one in call.messages
        ),
        notes=tuple(replace(one, text=masked(one.text, kinds)) for one in call.notes),
        tool_calls=tuple(
            replace(one, arguments={name: masked(text, kinds) for name, text in one.arguments.items()})
            for one in call.tool_calls
        ),
    )


def _transfer(transfer: TransferSnapshot, kinds: Collection[PrivateKind]) -> TransferSnapshot:
    asked = ""
    consult = []
    for one in transfer.consult:
        # An answer is often the bare number that the question before it names.
        consult.append(replace(one, text=masked(one.text, kinds, before=asked)))
        asked = one.text
    back = transfer.hand_back
    return replace(
        transfer,
        offer_reason=_masked(transfer.offer_reason, kinds),
        attempts=tuple(replace(one, reason=masked(one.reason, kinds)) for one in transfer.attempts),
        briefing=_briefing(transfer.briefing, kinds) if transfer.briefing else None,
        consult=tuple(consult),
        decline_reason=_masked(transfer.decline_reason, kinds),
        reason=_masked(transfer.reason, kinds),
        hand_back=replace(back, reason=masked(back.reason, kinds)) if back else None,
    )


def _briefing(briefing: Briefing, kinds: Collection[PrivateKind]) -> Briefing:
    def each(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(masked(text, kinds) for text in texts)

    return replace(
        briefing,
        reason=masked(briefing.reason, kinds),
        tried=each(briefing.tried),
        asked=masked(briefing.asked, kinds),
        facts=tuple(replace(one, value=masked(one.value, kinds)) for one in briefing.facts if one.kind not in kinds),
        earlier=each(briefing.earlier),
        also=each(briefing.also),
        promises=each(briefing.promises),
        sources=tuple(replace(one, text=masked(one.text, kinds)) for one in briefing.sources),
    )


def _masked(text: str | None, kinds: Collection[PrivateKind]) -> str | None:
    return None if text is None else masked(text, kinds)
