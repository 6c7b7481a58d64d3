"""Caller words in a form that rules can match: recognizers differ in case, apostrophes and punctuation."""

import re
from collections.abc import Iterable

_CONTRACTIONS = (
    (r"\bwon't\b|\bwont\b", "will not"),
    (r"\bcan't\b|\bcant\b|\bcannot\b", "can not"),
    (r"\b(do|does|did|is|was|are|were|have|has|had|would|could|should)n'?t\b", r"\1 not"),
    (r"\b(i)'?m\b", r"\1 am"),
    (r"\b(i|you|we|they)'ve\b|\b(i)ve\b", r"\1\2 have"),
    (r"\b(i|you|we|they|that|it)'d\b", r"\1 would"),
    (r"\b(i|you|we|they|that|it)'ll\b", r"\1 will"),
    (r"\b(you|we|they)'re\b", r"\1 are"),
    (r"\blet's\b", "let us"),
    (r"\b(it|that|what|how|who|where|when|there|here|name|he|she)'s\b", r"\1 is"),
    (r"\bthats\b", "that is"),
    (r"\bwhats\b", "what is"),
    (r"\bwanna\b", "want to"),
    (r"\bgonna\b", "going to"),
    (r"\bgotta\b", "have to"),
)
_SPOKEN_BREAK = re.compile(
    r"\s+(?=(?:(?:and|but|so) )?(?:my (?:name|account|customer|phone) |i (?:was|am|want|need|would|have|"
    r"had|already|tried|"
    r"can't|cannot|can not|restarted|rebooted|got|just)\b|(?:can|could) you\b|please\b|the account\b|"
    r"it is still\b))",
    re.IGNORECASE,
)
_WRITTEN_BREAK = re.compile(
    r"(?:[.!?;]+(?:\s+|$)|,\s+|\s+(?=(?:and|but|so|because) (?:i|my|it|the|we|you|can|could|please|now)\b))",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:and|but|so|well|um|uh|uhm|er|hi|hello|hey|good (?:morning|afternoon|evening)|yes|yeah|no|"
    r"okay|ok|"
    r"because|please note|sorry|oh|now)[,\s]+)+",
    re.IGNORECASE,
)
_THIRD_PERSON = (
    (r"\bi was\b", "they were"),
    (r"\bi am\b", "they are"),
    (r"\bi has\b", "they have"),
    (r"\bi\b", "they"),
    (r"\bmy\b", "their"),
    (r"\bmine\b", "theirs"),
    (r"\bmyself\b", "themselves"),
    (r"\bme\b", "them"),
)


def normalized(text: str) -> str:
    """Lower case, contractions written out, everything but letters and digits gone, single spaces."""
    lowered = text.lower().replace("\u2019", "'").replace("-", " ")
    for pattern, full in _CONTRACTIONS:
        lowered = re.sub(pattern, full, lowered)
    return " ".join(re.sub(r"[^a-z0-9à-ÿ]+", " ", lowered.replace("'", "")).split())


def matches(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns (regular expressions over normalized text) occurs as whole words."""
    words = normalized(text)
    return any(re.search(rf"\b(?:{pattern})\b", words) for pattern in patterns)


def one_line(text: str) -> str:
    """The text as one line without markup: it can't forge a heading, a list or a quote in a prompt."""
    return " ".join(re.sub(r"[#*`\"<>|{}\u201c\u201d\x00-\x1f]+", " ", text).split())


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of an utterance in the caller's words, fillers at their start dropped."""
    lines = [one_line(line) for line in re.split(r"[\n#]+", text)]
    parts = [part for line in lines for piece in _WRITTEN_BREAK.split(line) for part in _SPOKEN_BREAK.split(piece)]
    stripped = (_LEADING.sub("", part.strip(" ,.!?;-")).strip() for part in parts)
    return tuple(part for part in stripped if part)


def reported(clause: str) -> str:
    """A caller's clause as someone else reports it: "I was charged twice" gives "they were charged twice"."""
    told = one_line(clause).replace("\u2019", "'")
    for pattern, full in _CONTRACTIONS:
        told = re.sub(pattern, full, told, flags=re.IGNORECASE)
    for pattern, other in _THIRD_PERSON:
        told = re.sub(pattern, other, told, flags=re.IGNORECASE)
    return told


def shortened(text: str, *, words: int) -> str:
    """The first words of a text; nothing is added where it was cut."""
    return " ".join(text.split()[:words]).rstrip(" ,;:")
