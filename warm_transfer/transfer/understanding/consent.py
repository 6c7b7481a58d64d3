"""Whether the caller agreed to a transfer, or asked for it. Their words are data, never instructions."""

import re
from collections.abc import Sequence

from warm_transfer.transfer.briefing import Turn
from warm_transfer.transfer.understanding.wording import matches, normalized

_ASK_WINDOW = 2
"""Caller turns that count: what was asked and one answer to a question about it. A later "yes" is to something else."""

# Idioms with a refusing word that refuse nothing, and agreeing words that agree to nothing: taken out first.
_IDIOMS = (
    r"no problem|not a problem|no worries|no objections?|why not|do not mind|would not mind|can not wait|"
    r"not at all a problem|do not worry|(?:are you|make|to be|for) sure|not sure|i am not sure|no doubt"
)
_UNSURE = (r"not sure", r"do not know", r"maybe", r"perhaps", r"let me think")
_REFUSALS = (
    r"no|nope|nah|not|never|do not|wait|hold on|hang on|stop|later|cancel|instead|forget it|never mind|"
    r"another time|some other time|rather stay|rather you"
)
# Recognizers write "know" for a "no" at the start of an answer.
_HEARD_AS_KNOW = r"^know(?= (?:that|thank|thanks|not|i|please)\b|$)"
_STRONG = (
    r"yes|yeah|yep|yup|yea|sure|please do|go ahead|of course|absolutely|certainly|definitely|by all means|"
    r"(?:that|it|this) would be (?:\w+ )?(?:great|good|fine|nice|lovely|helpful|perfect|wonderful)|"
    r"would love that|would like that|sounds (?:good|great|fine|perfect)|"
    r"do (?:it|that)(?: please| then| now)?$|why not|"
    r"(?:connect|transfer|put|pass) me|i agree|works for me|good idea|do not mind|would not mind|"
    r"no problem|not a problem|no objections?|"
    r"(?:that|it) is (?:fine|ok|okay|good|alright|all right|great)(?! that\b)|i would appreciate"
)
# Agree only when they are nearly all that was said: "okay, and when do you open?" agrees to nothing.
_WEAK = (
    r"ok|okay|fine|alright|all right|great|good|perfect|right|correct|please|lovely|cool|agreed|"
    r"wonderful|uh huh|mhm"
)
_WEAK_MAX_WORDS = 4
_QUESTION = r"what|how|who|when|where|why|which"

_PERSON = (
    r"(?:(?:a|an|another|the|some|any|your|one of your|my|real|live|actual|human|different) )*"
    r"(?:person|human|human being|agent|representative|rep|operator|supervisor|manager|specialist|"
    r"technician|expert|someone|somebody|anyone|anybody|colleague|employee|staff)"
)
# "I need support with my router" asks for help, not for a department: these count only after "talk to" and alone.
_DEPARTMENT = r"(?:(?:the|your) )?(?:people|customer service|billing|technical support|tech support|support|sales)"
_SOMEBODY = rf"(?:{_PERSON}|{_DEPARTMENT})"
_WISH = (
    r"(?:want|need|like|can i|could i|may i|can we|could we|let me|prefer|rather|please|wish|have to|"
    r"love|allow me)"
)
_TRANSFER_REQUESTS = (
    rf"{_WISH} (?:\w+ ){{0,3}}(?:talk|speak|chat|talking|speaking) (?:to|with) (?:(?!(?:you|my)\b)\w+|{_SOMEBODY})",
    rf"^(?:\w+ )?(?:talk|speak) (?:to|with) {_SOMEBODY}",
    r"(?:connect|transfer|switch|forward|pass|put|redirect) me (?:to|through|over|with|on)",
    r"(?:connect|transfer) me",
    rf"(?:want|need|get me|give me|would like|can i have|could i have|can i get|could i get) {_PERSON}",
    rf"is there (?:a|an|any|some)\w* ?(?:real |live |actual )?{_PERSON}",
    rf"^(?:just )?{_SOMEBODY}(?: department)?(?: please)?$",
    r"is (?:there )?(?:anybody|anyone|somebody|someone|a human|a person)(?: \w+){0,3} (?:there|real|human|available)",
    r"(?:anybody|anyone|somebody|someone) (?:\w+ )?who is not a (?:computer|machine|robot|bot)",
    r"(?:get|give|find) me (?:a |an )?(?:real |live |actual )?(?:person|human|human being|somebody|someone)",
)
_NEGATED = re.compile(r"\b(?:do not|not|never|no need|without|rather not|nobody|stop)(?: \w+){0,4}$")
_MACHINES = (
    r"\b(?:talk|speak|talking|speaking) (?:to|with) (?:a |an |the |this |your )?(?:bot|robot|machine|"
    r"computer|ai)\b"
)


# Words about consent are none: "if somebody said yes, connect me, what would happen?"
_HYPOTHETICAL = (r"(?:if|when|suppose|imagine|what if)(?: \w+){1,2} (?:said|says?|saying|told|tells?|answered|typed)",)


def refuses(text: str) -> bool:
    """Whether an answer to an offer holds a refusal, a delay or a doubt; "yes, but not now" does."""
    words = re.sub(rf"\b(?:{_IDIOMS})\b", " ", normalized(text))
    return matches(words, (_REFUSALS,)) or matches(text, (*_UNSURE, _HEARD_AS_KNOW))


def agrees(text: str) -> bool:
    """Whether an answer to an offer is a yes without a refusal."""
    if refuses(text) or matches(text, _HYPOTHETICAL):
        return False
    words = re.sub(r"\b(?:are you|make|to be|for) sure\b", " ", normalized(text))
    if matches(words, (_STRONG,)):
        return True
    short = len(words.split()) <= _WEAK_MAX_WORDS and not matches(words, (_QUESTION,))
    return short and matches(words, (_WEAK,))


def has_consent(turns_since_offer: Sequence[Turn]) -> bool:
    """Whether the caller agreed since the offer, in the last turns; the last one that says yes or no decides."""
    for turn in [one for one in turns_since_offer if one.speaker == "caller"][-1 : -_ASK_WINDOW - 1 : -1]:
        if refuses(turn.text):
            return False
        if agrees(turn.text):
            return True
    return False


def asks_for_transfer(text: str) -> bool:
    """Whether one utterance asks for a person, a specialist or a department."""
    if matches(text, _HYPOTHETICAL):
        return False
    words = re.sub(r"\b(?:can|could|may) (?:i not|not i)\b", "can i", re.sub(_MACHINES, " ", normalized(text)))
    words = " ".join(words.split())
    found = (match for pattern in _TRANSFER_REQUESTS for match in re.finditer(rf"(?:{pattern})", words))
    return any(not _NEGATED.search(words[: match.start()].strip()) for match in found)


def caller_asked_for_transfer(turns: Sequence[Turn]) -> bool:
    """Whether the caller asked for the transfer in their last turns and took nothing back after."""
    said = [turn.text for turn in turns if turn.speaker == "caller"][-_ASK_WINDOW:]
    for text in reversed(said):
        if asks_for_transfer(text):
            return True
        if refuses(text):
            return False
    return False
