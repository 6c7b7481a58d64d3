/** A WebSocket that comes back: what was missed is told again by its number, and nothing is told twice. */

import type { Told } from "./calls_store";
import type { Presence } from "./types";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

export type SocketMessage = Told & { seq: number; timestamp: number };

/** The part of WebSocket that is used; a test gives its own. */
export interface Wire {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(text: string): void;
  close(): void;
}

export type Standing = "connecting" | "up" | "down" | "refused";

export interface LiveSocketOptions {
  /** The calls to hear of; null for all that this page may see. */
  calls: string[] | null;
  /** What a desk says of itself while it is connected; the local operator names whose desk it is. */
  desk?: { agent?: string; presence: Presence };
  open: () => Wire;
  onTold: (message: SocketMessage) => void;
  onStanding: (standing: Standing) => void;
  /** Calls back once after so many ms; gives what ends that. */
  after?: (ms: number, call: () => void) => () => void;
}

/** Close code of a page without a right to come in: a further attempt would not mend it. */
const REFUSED = 4401;

export class LiveSocket {
  private wire: Wire | null = null;
  private lastSeq: number | null = null;
  private pauseMs = FIRST_PAUSE_MS;
  private stopWaiting: () => void = () => undefined;
  private isClosed = false;
  private standing: Standing = "connecting";

  constructor(private readonly options: LiveSocketOptions) {
    this.connect();
  }

  /** Says anew whether this desk takes calls; kept for when the socket comes back. */
  setPresence(presence: Presence): void {
    if (this.options.desk) this.options.desk = { ...this.options.desk, presence };
    if (this.standing === "up") this.wire?.send(JSON.stringify({ type: "presence", presence }));
  }

  close(): void {
    this.isClosed = true;
    this.stopWaiting();
    this.wire?.close();
  }

  private connect(): void {
    const { calls, desk, open } = this.options;
    this.stand("connecting");
    const wire = open();
    this.wire = wire;
    wire.onopen = () => wire.send(JSON.stringify({ type: "hello", last_seq: this.lastSeq, calls, ...desk }));
    wire.onmessage = ({ data }) => this.take(data);
    wire.onclose = ({ code }) => this.comeBack(code);
  }

  private stand(standing: Standing): void {
    if (standing === this.standing) return;
    this.standing = standing;
    this.options.onStanding(standing);
  }

  private take(data: unknown): void {
    const message = read(data);
    if (!message) return;
    this.pauseMs = FIRST_PAUSE_MS;
    this.stand("up");
    if (!this.isNew(message)) return;
    this.lastSeq = message.type === "agent_status" ? this.lastSeq : message.seq;
    this.options.onTold(message);
  }

  /** A snapshot is a beginning, and agents have no history; of the rest each number counts once. */
  private isNew(message: SocketMessage): boolean {
    const isWhole = message.type === "snapshot" || message.type === "agent_status";
    return isWhole || this.lastSeq === null || message.seq > this.lastSeq;
  }

  private comeBack(code: number): void {
    if (this.isClosed) return;
    if (code === REFUSED) {
      this.stand("refused");
      return;
    }
    this.stand("down");
    const after = this.options.after ?? later;
    this.stopWaiting = after(this.pauseMs, () => this.connect());
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** The socket of this page's server. */
export function openWire(clientId: string): Wire {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/ws/${clientId}`);
}

function later(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

function read(data: unknown): SocketMessage | null {
  if (typeof data !== "string") return null;
  try {
    const told = JSON.parse(data) as Partial<SocketMessage>;
    return typeof told.seq === "number" && typeof told.type === "string" ? (told as SocketMessage) : null;
  } catch {
    return null;
  }
}
