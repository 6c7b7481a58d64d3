import { expect, it } from "vitest";
import type { Attempt, Call, Transfer } from "../../api/types";
import { ringOf } from "./ring";

const attempt = (changes: Partial<Attempt> = {}): Attempt => ({
  attempt: "x.dana",
  target: "dana",
  rung_at: 100,
  ring_until: 115,
  answered_at: null,
  ended_at: null,
  disposition: null,
  reason: "",
  ...changes,
});
const call = (state: Call["state"], attempts: Attempt[], accepted: number | null = null): Call =>
  ({ state, transfers: [{ attempts, disposition: null, times: { accepted } } as unknown as Transfer] }) as Call;

it.each([
  ["rings for the person who is called", call("ringing", [attempt()]), "ringing"],
  ["is a consult once answered", call("consulting", [attempt({ answered_at: 103 })]), "consult"],
  ["is accepted once the log says so", call("consulting", [attempt({ answered_at: 103 })], 120), "accepted"],
  ["is still the person's while the caller is with them", call("with_agent_b", [attempt()]), "with_caller"],
  [
    "stays the person's between the ends of attempt and transfer",
    call("moving", [attempt({ answered_at: 103, disposition: "completed" })], 120),
    "accepted",
  ],
  ["is nothing once the person has declined", call("ringing", [attempt({ disposition: "declined" })]), undefined],
  ["is nothing once the next is called", call("ringing", [attempt(), attempt({ target: "robin" })]), undefined],
  ["is nothing once the call has ended", call("ended", [attempt({ disposition: "completed" })]), undefined],
  ["is not accepted by who accepted an attempt before", call("ringing", [attempt({ rung_at: 130 })], 120), "ringing"],
])("a call %s", (_, one, stage) => {
  expect(ringOf([one], "dana")?.stage).toBe(stage);
});
