/** What crosses the wire: made by types_from_schema.mjs from the control API's schema. */

/** The caller was away from the room, and awaited. */
export interface AbsenceView {
  reason: string;
  away_at: number;
  returned_at: number | null;
}

/** Everybody, Agent A first. */
export interface AgentList {
  agents: Array<AgentView>;
}

/** Somebody who can speak with a caller. */
export interface AgentView {
  identity: string;
  role: "agent_a" | "agent_b";
  /** Null for Agent A. */
  roster_id: string | null;
  name: string;
  title: string;
  skills: Array<string>;
  kind: "ai" | "human";
  presence: "available" | "away" | "busy";
}

/** One target that was called. */
export interface AttemptView {
  /** Names the attempt in accept, decline and wait. */
  attempt: string;
  /** Roster id. */
  target: string;
  /** Seconds since the epoch. */
  rung_at: number;
  /** When a person's ring ends; null for an AI. */
  ring_until: number | null;
  answered_at: number | null;
  ended_at: number | null;
  /** Null while the attempt runs. */
  disposition: string | null;
  reason: string;
}

/** What Agent B is told. */
export interface BriefingView {
  caller_name: string | null;
  reason: string;
  tried: Array<string>;
  asked: string;
  facts: Array<FactView>;
  earlier: Array<string>;
  /** What else the caller told, in their words. */
  also: Array<string>;
  /** What the caller says they were promised. */
  promises: Array<string>;
  /** Empty if nothing tells it. */
  mood: string;
  /** The turn of each statement of asked, tried, also and promises. */
  sources: Array<SourceView>;
}

/** A whole call. */
export interface CallDetail {
  session_id: string;
  state: "created" | "talking" | "offered" | "ringing" | "consulting" | "moving" | "with_agent_b" | "ended";
  /** Whether the caller hears hold music now. */
  is_held: boolean;
  /** As the caller gave it: a display name, proves nothing. */
  caller_name: string | null;
  caller_identity: string | null;
  /** Seconds since the epoch. */
  started_at: number;
  ended_at: number | null;
  end_reason: string | null;
  duration_s: number | null;
  /** Of the last transfer; null if there was none, or while it runs. */
  disposition: string | null;
  /** Roster id of the last transfer's target. */
  target: string | null;
  /** How often the caller was moved to an Agent B. */
  transfer_count: number;
  hold_ms: number;
  transcript: Array<TurnView>;
  transfers: Array<TransferView>;
  latency: Array<LatencyView>;
  messages: Array<MessageView>;
  /** Never shown to the caller. */
  notes: Array<NoteView>;
  /** Never shown to the caller. */
  tool_calls: Array<ToolCallView>;
  /** What was said is no longer there. */
  is_erased: boolean;
  absences: Array<AbsenceView>;
  jobs: Array<JobView>;
}

/** Calls, the latest first. */
export interface CallPage {
  calls: Array<CallSummary>;
  /** Give it as `cursor` for the next page; null at the end. */
  next_cursor: string | null;
}

/** One line of the call list. */
export interface CallSummary {
  session_id: string;
  state: "created" | "talking" | "offered" | "ringing" | "consulting" | "moving" | "with_agent_b" | "ended";
  /** Whether the caller hears hold music now. */
  is_held: boolean;
  /** As the caller gave it: a display name, proves nothing. */
  caller_name: string | null;
  caller_identity: string | null;
  /** Seconds since the epoch. */
  started_at: number;
  ended_at: number | null;
  end_reason: string | null;
  duration_s: number | null;
  /** Of the last transfer; null if there was none, or while it runs. */
  disposition: string | null;
  /** Roster id of the last transfer's target. */
  target: string | null;
  /** How often the caller was moved to an Agent B. */
  transfer_count: number;
  hold_ms: number;
}

/** One step of the consult after the briefing. */
export interface ConsultTurnView {
  kind: "question" | "answer" | "heard";
  by: string;
  text: string;
  /** Seconds since the epoch. */
  at: number;
}

/** The phone rings, or soon does. */
export interface Dialled {
  session_id: string;
  /** Twilio's name for its call. */
  call_sid: string;
}

/** The call's job has applied the command. */
export interface Done {
  /** The events that it led to carry it, too. */
  command_id: string;
  /** As it is now; what the command set off may still go on. */
  call: CallDetail;
}

/** The transfer in words. */
export interface Explanation {
  text: string;
}

/** For whom the transfer is to be explained. */
export interface ExplanationAsked {
  for?: "caller" | "agent_b";
}

/** Something the caller said that nobody should ask for again. */
export interface FactView {
  kind: string;
  value: string;
  /** The turn of the transcript it came from. */
  turn_id: string;
  /** Whether anybody but the caller has confirmed it. */
  standing: "claimed" | "verified";
}

/** What went wrong. */
export interface Fault {
  /** Stable, snake case: for programs. */
  code: string;
  /** One sentence: for people. */
  message: string;
}

/** Why Agent B gave the caller back to Agent A. */
export interface HandBackView {
  cause: string;
  reason: string;
  skill: string | null;
}

/** What is up. */
export interface Health {
  status: "ok" | "degraded";
  call_log: "up" | "down";
  /** Whether the LiveKit server answers with our key. */
  livekit: "up" | "down";
}

/** One agent job that was in the call. */
export interface JobView {
  role: string;
  identity: string;
  started_at: number;
  left_at: number | null;
  ended_at: number | null;
}

/** The API key that a page swaps for its cookie. */
export interface KeyGiven {
  key: string;
}

/** What Agent B notes while it finishes something, if anything. */
export interface LastWords {
  note?: string | null;
}

/** How long the caller waited for an agent's answer, and for what; null where it was not measured. */
export interface LatencyView {
  turn_id: string;
  stt_ms: number | null;
  llm_ms: number | null;
  tts_ms: number | null;
  total_ms: number | null;
  /** Seconds since the epoch. */
  at: number;
}

/** What callers left, the latest first. */
export interface MessageList {
  messages: Array<MessageView>;
}

/** What a caller asked to pass on. */
export interface MessageView {
  session_id: string;
  text: string;
  /** Digits; empty if no callback was asked for. */
  callback_number: string;
  target: string | null;
  /** Seconds since the epoch. */
  at: number;
}

/** Who calls. */
export interface NewCall {
  /** A display name; the LiveKit identity is the server's. */
  caller_identity?: string | null;
}

/** The way into a new call, and what proves later that it is yours. */
export interface NewCallTicket {
  session_id: string;
  room: string;
  /** The LiveKit server. */
  url: string;
  /** For this room and this identity alone; microphone and data. */
  token: string;
  /** The LiveKit identity, made by the server. */
  identity: string;
  /** The token's end, seconds since the epoch: connect before. */
  expires_at: number;
  /** Authorization: Bearer for this call alone; a page has it as a cookie. */
  call_key: string;
}

/** What Agent B notes on the call. */
export interface NoteGiven {
  note: string;
}

/** What Agent B noted on the call. */
export interface NoteView {
  text: string;
  by: string;
  /** Seconds since the epoch. */
  at: number;
}

/** Whom to call by phone. */
export interface PhoneCall {
  /** With + and country code. */
  to: string;
  caller_identity?: string | null;
}

/** Whether a person takes calls. */
export interface PresenceGiven {
  presence: "available" | "away" | "busy";
}

/** Why. */
export interface ReasonGiven {
  reason?: string;
}

/** Who you are here. */
export interface Session {
  /** nobody: an API key is needed, save for a new call. */
  role: "operator" | "agent" | "viewer" | "caller" | "nobody";
  /** Of the key; of a human Agent B the roster id. */
  name: string;
  /** The local operator, who may act for any human Agent B by ?agent=. */
  is_local: boolean;
}

/** Which turn a statement of a briefing comes from. */
export interface SourceView {
  text: string;
  turn_id: string;
}

/** The webhook was ours. */
export interface Taken {
  event: string;
}

/** The way into one room. */
export interface Ticket {
  session_id: string;
  room: string;
  /** The LiveKit server. */
  url: string;
  /** For this room and this identity alone; microphone and data. */
  token: string;
  /** The LiveKit identity, made by the server. */
  identity: string;
  /** The token's end, seconds since the epoch: connect before. */
  expires_at: number;
}

/** When each step of a transfer happened, of several attempts the last; seconds since the epoch. */
export interface TimesView {
  offered: number | null;
  withdrawn: number | null;
  requested: number | null;
  consult_opened: number | null;
  held: number | null;
  answered: number | null;
  briefed: number | null;
  accepted: number | null;
  declined: number | null;
  move_begun: number | null;
  moved: number | null;
  ended: number | null;
  handed_back: number | null;
  returned: number | null;
}

/** A function tool that an agent's model called. */
export interface ToolCallView {
  tool: string;
  speaker: "agent_a" | "agent_b";
  /** Whom it was for, where the tool asks that. */
  skill: string | null;
  /** The reason or message that the model gave. */
  words: string;
  /** Code did not let the model have its way. */
  is_refused: boolean;
  /** Seconds since the epoch. */
  at: number;
}

/** Whom the caller needs. */
export interface TransferAsked {
  /** One of the roster's skills. */
  skill: string;
  /** For Agent B. */
  reason?: string;
}

/** One transfer from the offer on. */
export interface TransferView {
  transfer_id: string;
  skill: string | null;
  /** Roster id of who is called now, or was called last. */
  target: string | null;
  offer_reason: string | null;
  /** Who answered, as a LiveKit identity. */
  target_identity: string | null;
  /** client_move, cloud_move or join_caller_room. */
  move: string | null;
  attempts: Array<AttemptView>;
  /** Null before it was made; never shown to the caller. */
  briefing: BriefingView | null;
  /** Never shown to the caller. */
  consult: Array<ConsultTurnView>;
  decline_reason: string | null;
  /** Null while the transfer runs. */
  disposition: string | null;
  reason: string | null;
  hand_back: HandBackView | null;
  times: TimesView;
  hold_ms: number | null;
}

/** One finished utterance. */
export interface TurnView {
  turn_id: string;
  speaker: "caller" | "agent_a" | "agent_b";
  text: string;
  /** End of the utterance, seconds since the epoch. */
  at: number;
}
