/** Which call concerns a person's desk, and how far it is. */

import type { Attempt, Call, Transfer } from "../../api/types";

export interface Ring {
  stage: "ringing" | "consult" | "accepted" | "with_caller";
  call: Call;
  transfer: Transfer;
  attempt: Attempt;
}

/** The call that rings at, is consulted with, or is connected to this person; null if there is none. */
export function ringOf(calls: Iterable<Call>, rosterId: string): Ring | null {
  for (const call of calls) {
    const transfer = call.transfers.at(-1);
    const attempt = transfer?.attempts.at(-1);
    if (call.state === "ended" || !transfer || attempt?.target !== rosterId) continue;
    if (call.state === "with_agent_b") return { stage: "with_caller", call, transfer, attempt };
    // The log ends a completed attempt some milliseconds before its transfer, and then the caller is with the person.
    const isAttemptOver = attempt.disposition !== null && attempt.disposition !== "completed";
    if (isAttemptOver || transfer.disposition !== null) continue;
    if ((transfer.times.accepted ?? 0) > attempt.rung_at) return { stage: "accepted", call, transfer, attempt };
    return { stage: attempt.answered_at === null ? "ringing" : "consult", call, transfer, attempt };
  }
  return null;
}
