import { describe, expect, it } from "vitest";
import { EMPTY, live, type Told, told } from "./calls_store";
import type { CallSummary, Transfer, Turn } from "./types";

const summary = (session_id: string, changes: Partial<CallSummary> = {}): CallSummary => ({
  session_id,
  state: "talking",
  is_held: false,
  caller_name: "Susan",
  caller_identity: null,
  started_at: 100,
  ended_at: null,
  end_reason: null,
  duration_s: null,
  disposition: null,
  target: null,
  transfer_count: 0,
  hold_ms: 0,
  ...changes,
});
const turn = (turn_id: string): Turn => ({ turn_id, speaker: "caller", text: turn_id, at: 0 });
const transfer = (transfer_id: string, disposition: string | null) => ({ transfer_id, disposition }) as Transfer;
const folded = (...messages: Told[]) => messages.reduce(told, EMPTY);
const of = (call: CallSummary) => ({ session_id: call.session_id, event: "any", call });

describe("the store of calls", () => {
  it("begins a call that it hears of for the first time, with what it hears", () => {
    const store = folded({ type: "transcript", data: { ...of(summary("c1")), turn: turn("t1_1") } });
    expect(store.calls.c1).toMatchObject({ caller_name: "Susan", transcript: [turn("t1_1")], transfers: [] });
  });

  it("takes each message's summary of the call, whatever the message is about", () => {
    const store = folded(
      { type: "transcript", data: { ...of(summary("c1")), turn: turn("t1_1") } },
      { type: "transfer_update", data: { ...of(summary("c1", { state: "ringing" })), transfer: transfer("x", null) } },
    );
    expect(store.calls.c1?.state).toBe("ringing");
    expect(store.calls.c1?.transcript).toHaveLength(1);
  });

  it("replaces a transfer by its id and keeps the others", () => {
    const at = (id: string, how: string | null): Told => ({
      type: "transfer_update",
      data: { ...of(summary("c1")), transfer: transfer(id, how) },
    });
    const store = folded(at("x", null), at("x", "declined"), at("y", null));
    expect(store.calls.c1?.transfers).toEqual([transfer("x", "declined"), transfer("y", null)]);
  });

  it("shows the calls that go on, the latest first", () => {
    const status = (call: CallSummary): Told => ({ type: "call_status", data: { ...of(call), messages: [] } });
    const store = folded(
      status(summary("old", { started_at: 1 })),
      status(summary("new", { started_at: 2 })),
      status(summary("over", { state: "ended" })),
    );
    expect(live(store).map((call) => call.session_id)).toEqual(["new", "old"]);
  });

  it("forgets with a snapshot whatever it knew before", () => {
    const before = folded({ type: "call_status", data: { ...of(summary("c1")), messages: [] } });
    expect(told(before, { type: "snapshot", data: { calls: [], agents: [] } })).toEqual(EMPTY);
  });
});
