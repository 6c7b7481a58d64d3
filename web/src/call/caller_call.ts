/** The caller's side of one call: its rooms one after the other, the microphone, the words. A store for React. */

import { ApiError, createCall, joinCall } from "../api/client";
import type { Admission } from "../api/types";
import { Microphone, microphoneAdvice } from "./microphone";
import { move } from "./move";
import { type RoomEars, RoomLink, type Words } from "./room_link";
import { type Segment, type Speaker, withSegment } from "./transcript";
import { ARM_METHOD, HOLD_TOPIC, MOVE_METHOD, type MoveOrder, readArmOrder, readHold, readMoveOrder } from "./wire";

const STORED_CALL = "warm-transfer.call";
/** As long as the call waits for a caller whose network changes. */
const REJOIN_FOR_MS = 20_000;
const REJOIN_PAUSE_MS = 1000;

export interface CallerState {
  phase: "idle" | "connecting" | "in_call" | "lost" | "elsewhere" | "ended";
  sessionId: string | null;
  isMuted: boolean;
  isMoving: boolean;
  /** A human Agent B has parked the caller. */
  isParked: boolean;
  hasMicrophone: boolean;
  isSoundHeldBack: boolean;
  speaking: readonly Speaker[];
  /** Who is in the room with the caller. */
  people: readonly string[];
  segments: readonly Segment[];
  startedAtMs: number | null;
  /** What went wrong, as a sentence for the caller. */
  fault: string | null;
}

interface Ahead {
  link: RoomLink;
  /** Whether it got in. */
  entered: Promise<boolean>;
  room: string;
  timer: ReturnType<typeof setTimeout>;
}

const IDLE: CallerState = {
  phase: "idle",
  sessionId: null,
  isMuted: false,
  isMoving: false,
  isParked: false,
  hasMicrophone: true,
  isSoundHeldBack: false,
  speaking: [],
  people: [],
  segments: [],
  startedAtMs: null,
  fault: null,
};

export class CallerCall {
  microphone: Microphone | null = null;
  /** How many turns of the call log the page shows: the place of words that are not among them yet. */
  turnsKnown = 0;
  private state = IDLE;
  private listeners = new Set<() => void>();
  private link: RoomLink | null = null;
  /** Where the caller is ahead, muted, until told to move there. */
  private ahead: Ahead | null = null;
  private me = "";
  private typed = 0;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): CallerState => this.state;

  /** Places a call; the state tells what became of it. */
  async call(name: string, deviceId?: string): Promise<void> {
    this.set({ ...IDLE, phase: "connecting" });
    await this.openMicrophone(deviceId);
    await this.enter(() => createCall(name));
  }

  /** Comes back into the call that this page was in before it was loaded again, if there is one. */
  async comeBack(): Promise<void> {
    const sessionId = sessionStorage.getItem(STORED_CALL);
    if (!sessionId || this.state.phase !== "idle") return;
    this.set({ phase: "connecting", sessionId });
    await this.openMicrophone();
    // A call that is over is nothing to complain of: the page begins anew.
    if (!(await this.enter(() => joinCall(sessionId)))) this.set({ fault: null });
  }

  /** Takes the call from the window that has it. */
  async takeHere(): Promise<void> {
    const { sessionId } = this.state;
    if (!sessionId || this.state.phase !== "elsewhere") return;
    this.set({ phase: "connecting" });
    await this.openMicrophone();
    await this.enter(() => joinCall(sessionId));
  }

  async hangUp(): Promise<void> {
    const link = this.link;
    this.link = null;
    this.forget({ phase: "ended" });
    await Promise.all([link?.hangUp(), this.leaveAhead()]);
  }

  async setMuted(isMuted: boolean): Promise<void> {
    this.set({ isMuted });
    await this.link?.setMuted(isMuted);
  }

  async switchMicrophone(deviceId: string): Promise<void> {
    try {
      await this.microphone?.use(deviceId);
      this.set({ fault: null });
    } catch (error) {
      this.set({ fault: microphoneAdvice(error) });
    }
  }

  async type(text: string): Promise<void> {
    this.typed += 1;
    this.hear({ segmentId: `typed-${this.typed}`, identity: this.me, text, isFinal: true });
    await this.link?.type(text);
  }

  async playSound(): Promise<void> {
    await this.link?.playSound();
  }

  /** The call is over, as the call log says; the room may say so later. */
  end(): void {
    if (this.state.phase === "ended" || this.state.phase === "idle") return;
    const link = this.link;
    this.link = null;
    this.forget({ phase: "ended" });
    void link?.leave();
    void this.leaveAhead();
  }

  /** Another window has the call: coming back by ourselves would throw it out, and it us, for ever. */
  private stepAside(): void {
    this.link = null;
    this.microphone?.close();
    this.microphone = null;
    this.set({ phase: "elsewhere", isMoving: false, speaking: [] });
    void this.leaveAhead();
  }

  private async openMicrophone(deviceId?: string): Promise<void> {
    try {
      this.microphone ??= await Microphone.open(deviceId);
    } catch (error) {
      this.set({ hasMicrophone: false, fault: microphoneAdvice(error) });
    }
  }

  private async enter(admit: () => Promise<Admission>): Promise<boolean> {
    let link: RoomLink | null = null;
    try {
      const { session_id, url, token, identity } = await admit();
      this.me = identity;
      sessionStorage.setItem(STORED_CALL, session_id);
      link = this.newLink(url, token);
      await link.join();
      await link.publish();
      this.link = link;
      this.set({
        phase: "in_call",
        sessionId: session_id,
        startedAtMs: this.state.startedAtMs ?? Date.now(),
        people: link.people(),
      });
      return true;
    } catch (error) {
      await link?.leave();
      const fault = error instanceof ApiError ? error.message : "The call could not be connected.";
      this.forget({ phase: "idle", fault });
      return false;
    }
  }

  private newLink(url: string, token: string): RoomLink {
    const ears: RoomEars = {
      onWords: (words) => this.hear(words),
      onSpeakers: (identities) => {
        if (link === this.link) this.set({ speaking: [...new Set(identities.map((one) => this.speaker(one)))] });
      },
      onPeople: () => {
        if (link === this.link) this.set({ people: link.people() });
      },
      onConnection: (isUp) => {
        if (link === this.link) this.set({ phase: isUp ? "in_call" : "lost" });
      },
      onPlayback: (isAllowed) => this.set({ isSoundHeldBack: !isAllowed }),
      onOver: (isTaken) => {
        if (link !== this.link) return;
        if (isTaken) this.stepAside();
        else if (!this.state.isMoving) void this.rejoin();
      },
      onData: (payload, topic) => {
        const isParked = topic === HOLD_TOPIC ? readHold(payload) : null;
        if (isParked !== null && link === this.link) this.set({ isParked });
      },
      onRpc: {
        [MOVE_METHOD]: async (payload) => this.answerMove(url, payload),
        [ARM_METHOD]: async (payload) => this.answerArm(url, payload),
      },
    };
    const link = new RoomLink(url, token, this.microphone, () => this.state.isMuted, ears);
    return link;
  }

  /** Replies at once, then waits in that room, muted; if anything fails, the move joins it anew. */
  private answerArm(url: string, payload: string): string {
    const order = readArmOrder(payload);
    if (!order) throw new Error("not an order to come ahead");
    if (this.state.isMoving || !this.link) throw new Error("already moving");
    void this.leaveAhead();
    const link = this.newLink(url, order.token);
    const entered = link.goAhead().then(
      () => true,
      () => false,
    );
    const timer = setTimeout(() => void this.leaveAhead(), order.waitS * 1000);
    this.ahead = { link, entered, room: order.room, timer };
    return "accepted";
  }

  private async leaveAhead(): Promise<void> {
    const ahead = this.ahead;
    this.ahead = null;
    if (!ahead) return;
    clearTimeout(ahead.timer);
    await ahead.link.leave();
  }

  /** The link that is in that room ahead, null if there is none. */
  private async takeAhead(room: string): Promise<RoomLink | null> {
    const ahead = this.ahead;
    if (ahead && ahead.room === room && (await ahead.entered) && !ahead.link.isOver) {
      clearTimeout(ahead.timer);
      this.ahead = null;
      return ahead.link;
    }
    await this.leaveAhead();
    return null;
  }

  /** Replies at once, then moves: the reply is no proof, the microphone in the new room is. */
  private answerMove(url: string, payload: string): string {
    const order = readMoveOrder(payload);
    if (!order) throw new Error("not a move order");
    if (this.state.isMoving || !this.link) throw new Error("already moving");
    this.set({ isMoving: true });
    void this.moveTo(this.link, url, order);
    return "accepted";
  }

  private async moveTo(old: RoomLink, url: string, { token, room }: MoveOrder): Promise<void> {
    const next = (await this.takeAhead(room)) ?? this.newLink(url, token);
    const { moved } = await move(old, next, room);
    if (this.link !== old) {
      // Hung up meanwhile: neither room is ours any more.
      await next.leave();
      return;
    }
    if (moved) this.link = next;
    this.set({ isMoving: false, isParked: false, people: this.link.people(), speaking: [] });
    if (this.link.isOver) void this.rejoin();
  }

  /** The room is gone: the call may go on in another, or is over, as the control API says. */
  private async rejoin(): Promise<void> {
    const { sessionId } = this.state;
    const until = Date.now() + REJOIN_FOR_MS;
    this.set({ phase: "lost", speaking: [] });
    while (sessionId && this.state.phase === "lost" && Date.now() < until) {
      try {
        const { url, token } = await joinCall(sessionId);
        const link = this.newLink(url, token);
        await link.join();
        await link.publish();
        this.link = link;
        this.set({ phase: "in_call", people: link.people() });
        return;
      } catch (error) {
        if (error instanceof ApiError && error.status >= 400 && error.status < 500) break;
        await new Promise((resolve) => setTimeout(resolve, REJOIN_PAUSE_MS));
      }
    }
    this.end();
  }

  private hear({ segmentId, identity, text, isFinal }: Words): void {
    const piece = { segment_id: segmentId, speaker: this.speaker(identity), text, isFinal, after: this.turnsKnown };
    this.set({ segments: withSegment(this.state.segments, piece) });
  }

  private speaker(identity: string): Speaker {
    if (identity === this.me) return "caller";
    return identity.startsWith("agent_a") ? "agent_a" : "agent_b";
  }

  private forget(changes: Partial<CallerState>): void {
    sessionStorage.removeItem(STORED_CALL);
    this.microphone?.close();
    this.microphone = null;
    this.set({ speaking: [], ...changes });
  }

  private set(changes: Partial<CallerState>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}
