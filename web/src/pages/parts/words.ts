/** States and dispositions in the words of the field. */

import type { Agent, Call, CallSummary } from "../../api/types";
import { type Line, merged } from "../../call/transcript";
import type { Tone } from "../../ui/pill";

const STATES: Record<CallSummary["state"], [string, Tone]> = {
  created: ["connecting", "plain"],
  talking: ["with Agent A", "calm"],
  offered: ["transfer offered", "calm"],
  ringing: ["calling Agent B", "hold"],
  consulting: ["consult", "hold"],
  moving: ["moving", "brand"],
  with_agent_b: ["with Agent B", "brand"],
  ended: ["ended", "plain"],
};

export function stateWords(call: CallSummary): { words: string; tone: Tone } {
  const [words, tone] = STATES[call.state];
  return { words: call.is_held ? `on hold · ${words}` : words, tone };
}

export function dispositionWords(disposition: string | null): { words: string; tone: Tone } {
  if (disposition === null || disposition === "none") return { words: "no transfer", tone: "plain" };
  const tone = disposition === "completed" ? "brand" : disposition === "cancelled" ? "plain" : "stop";
  return { words: disposition.replaceAll("_", " "), tone };
}

export function callerName(call: CallSummary): string {
  return call.caller_name || "Unnamed caller";
}

/** A target's name, or its roster id if it is no longer on the roster. */
export function nameOf(agents: readonly Agent[], target: string): string {
  return agents.find((agent) => agent.roster_id === target)?.name ?? target;
}

/** What was said, and between it the tools that the agents' models called. */
export function logLines(call: Call): Line[] {
  const lines = merged(call.transcript, []);
  for (const [index, one] of call.tool_calls.entries()) {
    const place = call.transcript.filter((turn) => turn.at <= one.at).length + index;
    const text = [one.tool, one.skill, one.is_refused && "refused"].filter(Boolean).join(" \u00b7 ");
    lines.splice(place, 0, { key: `tool-${index}`, speaker: one.speaker, text, isFinal: true, isTool: true });
  }
  return lines;
}
