/** A transfer as steps with the time that each took place: what the timeline shows. */

import type { Transfer } from "../../api/types";

export interface Step {
  key: string;
  name: string;
  /** Seconds since the epoch. */
  at: number;
  /** A sentence more, empty if there is none. */
  told: string;
}

const WORDS: Record<string, string> = {
  offered: "Agent A offers a transfer",
  withdrawn: "The caller said no",
  requested: "The caller agreed",
  held: "Caller on hold",
  briefed: "Briefing given",
  accepted: "Agent B accepted",
  move_begun: "Moving the caller",
  moved: "Caller and Agent B are together",
  handed_back: "Agent B hands the caller back",
  returned: "Agent A has the caller again",
};

/** The steps in the order in which they happened; who names a target. */
export function steps(transfer: Transfer, who: (target: string) => string): Step[] {
  const found: Step[] = [];
  for (const [key, name] of Object.entries(WORDS)) {
    const at = transfer.times[key as keyof Transfer["times"]];
    if (at !== null && at !== undefined) found.push({ key, name, at, told: reason(transfer, key) });
  }
  for (const [index, one] of transfer.attempts.entries()) {
    const name = who(one.target);
    found.push({ key: `rung-${index}`, name: `${name} is called`, at: one.rung_at, told: "" });
    if (one.answered_at !== null) {
      found.push({ key: `answered-${index}`, name: `${name} answered`, at: one.answered_at, told: "" });
    }
    if (one.ended_at !== null && one.disposition !== "completed") {
      const how = one.disposition?.replaceAll("_", " ") ?? "ended";
      found.push({ key: `ended-${index}`, name: `${name}: ${how}`, at: one.ended_at, told: one.reason });
    }
  }
  const { ended } = transfer.times;
  if (ended !== null) {
    const how = transfer.disposition?.replaceAll("_", " ") ?? "ended";
    found.push({ key: "ended", name: `Transfer ${how}`, at: ended, told: transfer.reason ?? "" });
  }
  return found.sort((one, other) => one.at - other.at);
}

function reason(transfer: Transfer, key: string): string {
  if (key === "offered") return transfer.offer_reason ?? "";
  if (key === "handed_back") return transfer.hand_back?.reason ?? "";
  return "";
}
