/** Everything that the pages know of calls and agents, folded from the WebSocket's messages: a pure reducer. */

import { withTurn } from "../call/transcript";
import type { Agent, Call, CallSummary, Latency, Message, Transfer, Turn } from "./types";

export interface Store {
  calls: Readonly<Record<string, Call>>;
  agents: readonly Agent[];
}

/** What every event of a call brings: the call in one line, after the event. */
interface OfCall {
  session_id: string;
  event: string;
  call: CallSummary;
}

export type Told =
  | { type: "snapshot"; data: { calls: Call[]; agents: Agent[] } }
  | { type: "call_status"; data: OfCall & { messages: Message[] } }
  | { type: "transfer_update"; data: OfCall & { transfer: Transfer } }
  | { type: "transcript"; data: OfCall & { turn: Turn } }
  | { type: "latency"; data: OfCall & { latency: Latency } }
  | { type: "agent_status"; data: { agents: Agent[] } };

export const EMPTY: Store = { calls: {}, agents: [] };

/** The store after one message; what is told of a call that is not known begins it. */
export function told(store: Store, message: Told): Store {
  switch (message.type) {
    case "snapshot":
      return {
        calls: Object.fromEntries(message.data.calls.map((call) => [call.session_id, call])),
        agents: message.data.agents,
      };
    case "agent_status":
      return { ...store, agents: message.data.agents };
    case "call_status":
      return changed(store, message.data, () => ({ messages: message.data.messages }));
    case "transfer_update":
      return changed(store, message.data, (call) => ({
        transfers: withTransfer(call.transfers, message.data.transfer),
      }));
    case "transcript":
      return changed(store, message.data, (call) => ({ transcript: withTurn(call.transcript, message.data.turn) }));
    case "latency":
      return changed(store, message.data, (call) => ({ latency: [...call.latency, message.data.latency] }));
  }
}

/** The calls that go on, the latest first. */
export function live(store: Store): Call[] {
  const calls = Object.values(store.calls).filter((call) => call.state !== "ended");
  return calls.sort((one, other) => other.started_at - one.started_at);
}

function changed(store: Store, { session_id, call }: OfCall, change: (known: Call) => Partial<Call>): Store {
  const known = { ...(store.calls[session_id] ?? begun(call)), ...call };
  return { ...store, calls: { ...store.calls, [session_id]: { ...known, ...change(known) } } };
}

function begun(call: CallSummary): Call {
  return {
    ...call,
    transcript: [],
    transfers: [],
    latency: [],
    messages: [],
    notes: [],
    tool_calls: [],
    is_erased: false,
    absences: [],
    jobs: [],
  };
}

function withTransfer(transfers: readonly Transfer[], transfer: Transfer): Transfer[] {
  const index = transfers.findIndex((one) => one.transfer_id === transfer.transfer_id);
  return index < 0 ? [...transfers, transfer] : transfers.with(index, transfer);
}
