/** Names on the wire between the caller's page and our agents, as in warm_transfer/transfer/wire.py. */

export const MOVE_METHOD = "wt.move";
export const ARM_METHOD = "wt.arm";
/** Name of the muted track of a caller who is only ahead in a room: unmuted, it proves the move. */
export const AHEAD_TRACK = "microphone_ahead";
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
/** Where the caller's client waits, muted, to be told to move there; after `waitS` it leaves by itself. */
export interface ArmOrder extends MoveOrder {
  waitS: number;
}

/** The order in an RPC's payload, null if it is none. */
export function readArmOrder(payload: string): ArmOrder | null {
  const order = readMoveOrder(payload);
  if (!order) return null;
  const { wait_s } = JSON.parse(payload) as Record<string, unknown>;
  return typeof wait_s === "number" && wait_s > 0 ? { ...order, waitS: wait_s } : null;
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
