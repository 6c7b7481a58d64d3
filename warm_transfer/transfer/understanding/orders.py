"""Words of a caller that would be orders to whoever reads them: claims of authority, of verification, of new rules.

They are data like all that a caller says, and nothing in code follows them; but a briefing that repeats them lends them
Agent A's voice, so they are left out of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.wording import clauses, matches, normalized

_TARGET = (
    r"(?:(?:the|your|that|my|our) )?"
    r"(?:specialist|agents?|agent b|technicians?|colleague|next \w+|assistant|them|him|her)"
)
_ORDERS = (
    rf"(?:tell|instruct|order|inform|ask|remind|advise|let) (?:{_TARGET}|billing|technical|general)(?: \w+){{0,3}} "
    r"(?:that|to|not|know)",
    rf"(?:when|if) {_TARGET} (?:asks?|wants|needs)",
    r"(?:ignore|disregard|forget|override|bypass|skip|overrule) (?:\w+ ){0,4}(?:instructions?|rules?|"
    r"prompts?|questions?|guidelines|guardrails|above|consent|checks?|verification|polic(?:y|ies))",
    r"(?:new|another|changed?|system|developer|admin\w*|debug|override) (?:rules?|instructions?|prompts?|modes?|"
    r"codes?|messages?|override)",
    r"(?:repeat|print|read|show|dump|reveal|list|say|tell me|give me) (?:\w+ ){0,5}(?:prompts?|instructions|"
    r"configuration|rules|guardrails|tools|functions|above this|everything above)",
    r"you are now|pretend (?:to be|you|that)|act as|role ?play|from now on|play a game",
    r"(?:you have|who has) no rules",
    r"(?:pay|refund|waive|credit|approve|do) (?:\w+ ){0,4}(?:at once|all fees|immediately|without asking)",
    r"(?:transfer|offer transfer|take message) (?:underscore )?call (?:now|right)",
)
_CLAIMS = (
    r"(?:pre ?)?(?:verif(?:ied|ication|y)|authenticated|authori[sz]ed?|authori[sz]ation|pre ?approved|"
    r"security cleared)",
    r"(?:identity|id|security|background) (?:check|questions?|clearance|test)s?(?: \w+){0,3}",
    r"(?:passed|answered|cleared|completed) (?:\w+ ){0,3}(?:checks?|questions|security|verification)",
    r"confirmed by (?:your|the|a) \w+",
    r"(?:i am|this is|speaking is|it is) (?:\w+ ){0,3}(?:supervisor|manager|administrator|admin|developer|police|"
    r"officer|inspector|ceo|director|engineer from|staff|employee|specialist)",
    r"(?:vip|premium|priority|gold|platinum) (?:\w+ )?(?:customer|caller|member|client|status)",
    r"(?:caller|customer) (?:is|was|has been|has) (?:agreed|verified|confirmed|approved)",
    r"^system\b",
)
_GOES_ON = r"^(?:to|not to|that|then|or)"
# Enough of these in one clause, and it is not English: nobody at the other end could check what it says.
_FOREIGN_WORDS = """
el los las una que mi mis esta este estoy soy con por para dile digale diga al favor verificado funciona
le les une des est je suis vous votre vos au aux dites dire pour avec verifie vérifié spécialiste oubliez consignes mon
der die das und ich bin ist nicht dem den ein eine sag sagen sie mir deinen bitte ignoriere alle anweisungen mein dass
il gli che sono mio dica allo specialista verificato della por favor eu sou diga ao meu estou
"""
_FOREIGN = frozenset(normalized(word) for word in _FOREIGN_WORDS.split())
_LEAST_FOREIGN_SHARE = 0.4


def is_order(clause: str) -> bool:
    """Whether a clause orders the agents about, claims an authority, or is in no language they speak."""
    return matches(clause, (*_ORDERS, *_CLAIMS)) or is_foreign(clause)


def is_foreign(clause: str) -> bool:
    """Whether a clause is in Spanish, French, German, Italian or Portuguese, by its common words."""
    words = normalized(clause).split()
    return len(words) > 1 and sum(word in _FOREIGN for word in words) >= max(2, _LEAST_FOREIGN_SHARE * len(words))


def without_orders(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns with such clauses of the caller taken out; a turn without any stays as it was said."""
    return tuple(_cleaned(turn) if turn.speaker == "caller" else turn for turn in turns)


def _cleaned(turn: Turn) -> Turn:
    parts = clauses(turn.text)
    kept: list[str] = []
    was_order = False
    for part in parts:
        # "Tell them to call back. And to stay on the line": the second goes on with the first.
        was_order = is_order(part) or (was_order and matches(part, (_GOES_ON,)))
        kept += [] if was_order else [part]
    return turn if len(kept) == len(parts) else replace(turn, text=". ".join(kept))
