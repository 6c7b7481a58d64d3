/** A human Agent B's side of one call: the consult room, then the final room. A store for React. */

import { consultAdmission, finalAdmission } from "../api/client";
import type { Admission } from "../api/types";
import { Microphone, microphoneAdvice } from "./microphone";
import { type RoomEars, RoomLink } from "./room_link";
import { CONSULT_TOPIC, HOLD_TOPIC } from "./wire";

/** The coordinator waits no longer for the desk to be heard in the final room. */
const HEAR_TIMEOUT_MS = 5000;

export interface DeskState {
  phase: "idle" | "answering" | "consult" | "joining" | "with_caller" | "over";
  isMuted: boolean;
  /** The caller neither hears nor is heard. */
  isHolding: boolean;
  isSoundHeldBack: boolean;
  /** Identities of who speaks now. */
  speaking: readonly string[];
  fault: string | null;
}

const IDLE: DeskState = {
  phase: "idle",
  isMuted: false,
  isHolding: false,
  isSoundHeldBack: false,
  speaking: [],
  fault: null,
};

export class DeskCall {
  microphone: Microphone | null = null;
  private state = IDLE;
  private listeners = new Set<() => void>();
  private link: RoomLink | null = null;

  constructor(
    readonly sessionId: string,
    private readonly rosterId: string,
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): DeskState => this.state;

  /** Answers the ring: joining the consult room with a microphone is the answer. */
  async answer(): Promise<void> {
    if (this.state.phase !== "idle") return;
    this.set({ phase: "answering", fault: null });
    try {
      this.microphone = await Microphone.open();
    } catch (error) {
      this.set({ phase: "idle", fault: microphoneAdvice(error) });
      return;
    }
    try {
      this.link = await this.enter(await consultAdmission(this.sessionId, this.rosterId));
      this.set({ phase: "consult" });
    } catch (error) {
      this.leave(error instanceof Error ? error.message : "The consult could not be joined.");
    }
  }

  /** Goes to the caller once the acceptance is in the call log; leaves the consult when it hears and is heard. */
  async goToCaller(): Promise<void> {
    if (this.state.phase !== "consult" && this.state.phase !== "idle") return;
    const consult = this.link;
    this.set({ phase: "joining" });
    try {
      this.microphone ??= await Microphone.open();
      const next = await this.enter(await finalAdmission(this.sessionId, this.rosterId));
      this.link = next;
      await next.companion(AbortSignal.timeout(HEAR_TIMEOUT_MS));
      await consult?.leave();
      this.set({ phase: "with_caller", speaking: [] });
    } catch (error) {
      await consult?.leave();
      this.leave(error instanceof Error ? error.message : "The caller could not be reached.");
    }
  }

  async ask(question: string): Promise<void> {
    await this.link?.send({ type: "question", text: question }, CONSULT_TOPIC);
  }

  async setMuted(isMuted: boolean): Promise<void> {
    this.set({ isMuted });
    await this.link?.setMuted(isMuted || this.state.isHolding);
  }

  /** Parks the caller: neither side hears the other, and the caller's page says so. */
  async setHolding(isHolding: boolean): Promise<void> {
    this.set({ isHolding });
    this.link?.fade(isHolding);
    await this.link?.setMuted(isHolding || this.state.isMuted);
    await this.link?.send({ type: "hold", is_held: isHolding }, HOLD_TOPIC);
  }

  async playSound(): Promise<void> {
    await this.link?.playSound();
  }

  /** Leaves whatever room this desk is in; `fault` says why if it was not meant to. */
  leave(fault: string | null = null): void {
    const { link, microphone } = this;
    this.link = null;
    this.microphone = null;
    void link?.leave();
    microphone?.close();
    this.set({ phase: "over", fault, speaking: [] });
  }

  private async enter({ url, token }: Admission): Promise<RoomLink> {
    const ears: RoomEars = {
      onWords: () => undefined,
      onSpeakers: (speaking) => {
        if (link === this.link) this.set({ speaking });
      },
      onPeople: () => undefined,
      onConnection: () => undefined,
      onPlayback: (isAllowed) => this.set({ isSoundHeldBack: !isAllowed }),
      onOver: () => {
        if (link === this.link && this.state.phase !== "joining") this.leave();
      },
    };
    const link = new RoomLink(url, token, this.microphone, () => this.state.isMuted, ears);
    try {
      await link.join();
      await link.publish();
    } catch (error) {
      await link.leave();
      throw error;
    }
    return link;
  }

  private set(changes: Partial<DeskState>): void {
    this.state = { ...this.state, ...changes };
    for (const listener of this.listeners) listener();
  }
}
