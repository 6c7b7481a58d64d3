import type { Call } from "../../api/types";
import type { CallerState } from "../../call/caller_call";
import type { Tone } from "../../ui/pill";

/** How the call stands, in the caller's words. */
export interface Standing {
  tone: Tone;
  title: string;
  told: string;
  /** Since when the caller is on hold, seconds since the epoch; null if it is not. */
  heldSince: number | null;
  canCancel: boolean;
}

/** A spoken briefing takes 15 s, and most end without a question. */
const BRIEFING_S = 20;

export function standing(call: Call | null, state: CallerState, now: number): Standing {
  const calm = { heldSince: null, canCancel: false };
  if (state.phase === "connecting") return { ...calm, tone: "plain", title: "Connecting", told: "One moment." };
  if (state.phase === "lost") {
    return { ...calm, tone: "hold", title: "Connection lost", told: "Your call is kept. We are trying to reach it." };
  }
  const transfer = call?.transfers.at(-1);
  const whom = specialist(transfer?.skill ?? null);
  if (call?.state === "with_agent_b" && state.isParked) {
    return { ...calm, tone: "hold", title: "On hold", told: "Agent B will be back with you in a moment." };
  }
  if (call?.state === "with_agent_b") {
    return { ...calm, tone: "brand", title: "You are with Agent B", told: `${capital(whom)} knows what you told us.` };
  }
  if (call?.state === "moving" || state.isMoving) {
    return { ...calm, tone: "brand", title: "Connecting you", told: `${capital(whom)} is ready for you.` };
  }
  if (call?.state === "ringing" || call?.state === "consulting") {
    const heldSince = transfer?.times.held ?? null;
    return { tone: "hold", title: "On hold", told: onHold(call, whom, heldSince, now), heldSince, canCancel: true };
  }
  if (state.people.length === 0) {
    return { ...calm, tone: "plain", title: "Connecting", told: "Agent A is on the way." };
  }
  return { ...calm, tone: "calm", title: "You are with Agent A", told: "Just speak, or type below." };
}

function onHold(call: Call, whom: string, heldSince: number | null, now: number): string {
  if (call.state === "ringing") return `We are calling ${whom}.`;
  const isLong = heldSince !== null && now - heldSince > BRIEFING_S;
  return isLong
    ? "Agent B is still being briefed. You can go back to Agent A at any time."
    : `Agent B is being briefed, about ${BRIEFING_S} s.`;
}

/** Who asked for a person gets one, and no "person specialist". */
const ANYBODY = ["person", "general", "complaint"];

function specialist(skill: string | null): string {
  return skill && !ANYBODY.includes(skill) ? `our ${skill.replaceAll("_", " ")} specialist` : "a specialist";
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
