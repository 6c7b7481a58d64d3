/** Names on the wire between the caller's page and our agents, as in warm_transfer/transfer/wire.py. */

export const MOVE_METHOD = "wt.move";
export const END_METHOD = "wt.end";
export const CONSULT_TOPIC = "wt.consult";
export const TRANSCRIPTION_TOPIC = "lk.transcription";
export const CHAT_TOPIC = "lk.chat";

/** Where the caller's client goes: on the server that it is on, with a token for that room alone. */
export interface MoveOrder {
  token: string;
  room: string;
}

/** The order in an RPC's payload, null if it is none. */
export function readMoveOrder(payload: string): MoveOrder | null {
  try {
    const told: unknown = JSON.parse(payload);
    if (typeof told !== "object" || told === null) return null;
    const { token, room } = told as Record<string, unknown>;
    return typeof token === "string" && typeof room === "string" && token && room ? { token, room } : null;
  } catch {
    return null;
  }
}
/** A human Agent B's desk tells the caller's page that it holds the caller: `{"type": "hold", "is_held": true}`. */
export const HOLD_TOPIC = "wt.hold";

/** What a hold message says, null if it is none. */
export function readHold(payload: Uint8Array): boolean | null {
  try {
    const told: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (typeof told !== "object" || told === null) return null;
    const { type, is_held } = told as Record<string, unknown>;
    return type === "hold" && typeof is_held === "boolean" ? is_held : null;
  } catch {
    return null;
  }
}
