/** The wire's types by the pages' words; made from the control API's schema, see schema.ts. Times in seconds. */

import type { AgentView, CallDetail } from "./schema";

export type {
  AgentView as Agent,
  AttemptView as Attempt,
  BriefingView as Briefing,
  CallDetail as Call,
  CallSummary,
  ConsultTurnView as ConsultTurn,
  LatencyView as Latency,
  MessageView as Message,
  Session,
  Ticket as Admission,
  TransferView as Transfer,
  TurnView as Turn,
} from "./schema";
export type CallState = CallDetail["state"];
export type Presence = AgentView["presence"];
