"""Names in what callers say, also in lower-case transcripts without punctuation."""

import re

from warm_transfer.transfer.understanding.wording import normalized, one_line

_INTRODUCTIONS = re.compile(
    r"\b(?:(?:my|the) (?:full )?(?:name is|name's|names)|call me|you(?:'re| are) (?:talking|"
    r"speaking) (?:to|with))\s+"
    r"(?:uh |um |still |actually )*",
    re.IGNORECASE,
)
# Also said of other things ("this is ridiculous", "I'm angry"): only what is written like a name counts.
_WEAK_INTRODUCTIONS = re.compile(r"\b(?:this is|it is|it's|i'm|i am|name's)\s+", re.IGNORECASE)
_SPEAKING = re.compile(
    r"^(?:\W|hi|hello|hey|yes|good \w{1,20}){0,12}([\w' -]{1,40}?) (?:speaking|here|calling)\b", re.IGNORECASE
)
# "Anna Berg, account number 208844": written as a name, right before the number.
_BEFORE_NUMBER = re.compile(
    r"(?:^|[.!?,]\s+)(?:(?:[Hh]i|[Hh]ello|[Hh]ey|[Ii]t's|[Ii]t is),?\s+)?"
    r"([A-Z][\w'-]{1,30}(?:\s[A-Z][\w'-]{1,30}){0,2}),?\s+"
    r"(?:my |and my |with |the )?(?:[Aa]ccount|[Cc]ustomer)\b"
)
_LEAD_INS = re.compile(
    r"^(?:(?:yes|yeah|sure|of course|okay|ok|hi|hello|hey|well|uh|um|it is|it's|its|this is|i am|i'm|"
    r"the name is|"
    r"certainly|no problem|no|sorry|actually|i said)[,.\s]+)+",
    re.IGNORECASE,
)
_PARTICLES = {"de", "la", "van", "von", "der", "den", "del", "di", "da", "bin", "al", "el", "st", "le", "du"}
_CORRECTION = re.compile(
    r"[,.;!?]*\s*\b(?:(?:no|sorry|wait|actually|i mean|i meant|make that|correction|rather)\b[,.\s]*)+", re.IGNORECASE
)
_MAX_WORDS = 3
# Common words that callers say where a name could stand.
_COMMON_WORDS = """
a about account address admin administrator afraid again agent all already also always am an and angry
any anything are as ask at back bad be because been being bill billing bot bring broken but by bye call
called caller calling can cant charge charged complaint connect connection correct could customer dear
department did do does done dont double down eight else english er even ever every exactly fine first
five for four from get getting give glad go going good goodbye got great had happy has have having he
hello help her here hi him his hold home house how human i if in indeed interested internet into invoice
is it its just know last later like line locked looking lost maam machine madam manager maybe me mine
mister modem moment money month more moving my name need never new nice nine no nobody nope not nothing
now number of off offline oh ok okay old on one only or other our out over paid pay payment people
perfect person phone please prefer premium private problem quite rather ready really refund ridiculous
right robot router sad same say secret send seven she should sick sir six slow so some somebody someone
sorry speak speaking still stuck supervisor support sure talk technical tell thank thanks that the their
them then there they thing think third this three time tired to today tomorrow too transfer trouble
trying twice two uh um unhappy until up upset urgent us use verified very vip wait waiting want was we
well were what whats when where which who why wifi will with without wondering wont work working would
wrong yeah yep yes yesterday you your yours zero
"""
_NO_NAMES = frozenset(_COMMON_WORDS.split())


def introduced_names(text: str) -> tuple[str, ...]:
    """Every name that a turn with a correction gives, in order: "I'm John Smith, sorry, I mean John Smythe"."""
    names: list[str] = []
    for part in _CORRECTION.split(one_line(text).replace("\u2019", "'")):
        name = introduced_name(part, was_asked=False) or (_corrected_to(part) if names else None)
        names += [name] if name else []
    return tuple(names)


def introduced_name(text: str, *, was_asked: bool) -> str | None:
    """The name a caller gives in an utterance, as it is written; `was_asked`: the agent just asked for it."""
    plain = one_line(text).replace("\u2019", "'")
    for found in _INTRODUCTIONS.finditer(plain):
        if name := _leading_name(plain[found.end() :]):
            return name
    if spoken := _SPEAKING.match(plain):
        name = _leading_name(spoken.group(1))
        if name and len(name.split()) == len(spoken.group(1).split()):
            return name
    if before_number := _BEFORE_NUMBER.search(plain):
        name = _leading_name(before_number.group(1))
        if name and len(name.split()) == len(before_number.group(1).split()):
            return name
    for found in _WEAK_INTRODUCTIONS.finditer(plain):
        rest = plain[found.end() :]
        looks_written_as_name = rest[:1].isupper() and not plain.isupper()
        if (looks_written_as_name or was_asked) and (name := _leading_name(rest)):
            return name
    return _bare_name(plain) if was_asked else None


def _corrected_to(part: str) -> str | None:
    """The name that is all of a correction, written as one."""
    head = re.split(r"[,.!?;]", part.strip(" ,.!?"), maxsplit=1)[0].strip()
    found = _leading_name(head)
    return found if found and head[:1].isupper() and len(found.split()) == len(head.split()) else None


def _bare_name(plain: str) -> str | None:
    answer = _LEAD_INS.sub("", plain).strip()
    head = re.split(r"[,.!?;]| and ", answer, maxsplit=1)[0]
    # A recognizer writes "David brown" when it did not take it for a sentence.
    name = _leading_name(head.lower() if head[1:].islower() else head)
    return name if name and len(name.split()) == len(head.split()) else None


def _leading_name(text: str) -> str | None:
    """The words at the start of a text that can be a name, at most three and particles."""
    sentence = re.split(r"[,.!?;:]", text.strip(), maxsplit=1)[0]
    words: list[str] = []
    cased = sentence[:1].isupper() and not sentence.isupper()
    for word in sentence.split():
        is_particle = word.lower() in _PARTICLES and bool(words)
        if not _is_name_word(word) or (cased and not word[:1].isupper() and not is_particle):
            break
        words.append(word)
        if sum(one.lower() not in _PARTICLES for one in words) == _MAX_WORDS:
            break
    while words and words[-1].lower() in _PARTICLES:
        words.pop()
    return " ".join(_written(word) for word in words) or None


def _is_name_word(word: str) -> bool:
    is_word = re.fullmatch(r"[^\W\d_][^\W\d_'-]*(?:['-][^\W\d_]+)*", word)
    return bool(is_word) and not _NO_NAMES & set(normalized(word).split())


def _written(word: str) -> str:
    if word.lower() in _PARTICLES:
        return word.lower()
    if not word.islower() and not word.isupper():
        return word
    return "-".join("'".join(part.capitalize() for part in piece.split("'")) for piece in word.split("-"))
