"""What a typing caller has told, and whether it is lost: asked for once more, by the scripted caller's cues on the log.

The log has what agents said word by word, also what the caller's recognizer would mishear.
"""

import json
from collections.abc import Mapping, Sequence

from warm_transfer.calls.log import LoggedEvent
from warm_transfer.stand.caller.scenarios import load_scenario

FACTS: Mapping[str, str] = {"caller_name": "Susan Clark", "account_number": "445566", "problem": "charged twice"}
"""What the caller can tell, by kind, in the words that it is told in."""
TELLS_WHO = f"My name is {FACTS['caller_name']}, and my account number is {FACTS['account_number']}."
TELLS_WHY = "I was charged twice."
WANTS_NOW = "Please connect me with billing."
WANTS_BILLING = f"{TELLS_WHO} {TELLS_WHY}"
WANTS_BILLING_NOW = f"{WANTS_BILLING} {WANTS_NOW}"

ASKING_S = 1.0
"""A question takes longer to say: one that ends sooner after the caller's words was begun before them."""


def told_in(text: str) -> set[str]:
    """The kinds of facts that this tells."""
    return {kind for kind, words in FACTS.items() if words in text}


def lost_facts(events: Sequence[LoggedEvent], told: Mapping[str, float]) -> list[float]:
    """When something was lost that was told before: asked for again, or missing in the briefing of Agent B.

    `told`: when, by kind (s since the epoch). An Agent B may do without what Agent A forgot, and not ask the caller.
    """
    briefings = [one for one in events if one.type == "briefing_sent"]
    missing = [
        one.at
        for one in briefings
        for kind, told_at in told.items()
        if one.at > told_at and FACTS[kind] not in json.dumps(one.payload)
    ]
    return sorted([*asked_again(events, told), *missing])


def asked_again(events: Sequence[LoggedEvent], told: Mapping[str, float]) -> list[float]:
    """When an agent had asked the caller for a fact that was told before."""
    cues = {line.asks_for: line.cue for line in load_scenario("patient").lines if line.asks_for is not None}
    turns = [one.payload for one in events if one.type == "turn_spoken" and one.payload["speaker"] != "caller"]
    return sorted(
        turn["at"]
        for turn in turns
        for kind, told_at in told.items()
        if turn["at"] > told_at + ASKING_S and cues[kind].search(turn["text"])
    )
