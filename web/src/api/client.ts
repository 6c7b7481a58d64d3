/** The control API's REST calls; the session and call cookies go along by themselves. */

import type { Admission, Agent, Call, CallSummary, Session } from "./types";

const TIMEOUT_MS = 10_000;

/** The API's answer to what it did not do: a stable code and a sentence for a person. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const createCall = (name: string) => post<Admission>("/api/calls/create", { caller_identity: name });
export const joinCall = (id: string) => post<Admission>(path(id, "join"));
export const endCall = (id: string, note?: string) => post(path(id, "end"), note ? { note } : undefined);
export const cancelTransfer = (id: string) => post(path(id, "cancel"));
export const transferNow = (id: string, skill: string, reason: string) => post(path(id, "transfer"), { skill, reason });

export const accept = (id: string) => post(path(id, "accept"));
export const decline = (id: string, reason: string) => post(path(id, "decline"), { reason });
export const askForTime = (id: string) => post(path(id, "wait"));
export const handBack = (id: string) => post(path(id, "hand-back"));
export const transferOn = (id: string, skill: string, reason: string) =>
  post(path(id, "transfer-on"), { skill, reason });
const deskAdmission = (door: string) => (id: string, agent: string) =>
  post<Admission>(`${path(id, door)}?agent=${encodeURIComponent(agent)}`);
export const consultAdmission = deskAdmission("consult-token");
export const targetAdmission = deskAdmission("target-token");
export const finalAdmission = deskAdmission("final-token");

export const showCall = (id: string) => ask<Call>("GET", path(id));
export const listAgents = async () => (await ask<{ agents: Agent[] }>("GET", "/api/agents")).agents;

export interface HistoryFilter {
  disposition?: string;
  from?: number;
  to?: number;
  cursor?: string;
  limit?: number;
}

export function listCalls(filter: HistoryFilter): Promise<{ calls: CallSummary[]; next_cursor: string | null }> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter))
    if (value !== undefined && value !== "") query.set(name, `${value}`);
  return ask("GET", `/api/calls?${query}`);
}

/** Who this page is to the server. */
export const whoAmI = () => ask<Session>("GET", "/api/session");
/** Swaps an API key for the session cookie. */
export const signIn = (key: string) => post("/api/session", { key });

function path(id: string, door?: string): string {
  return `/api/calls/${encodeURIComponent(id)}${door ? `/${door}` : ""}`;
}

function post<T = unknown>(address: string, body?: object): Promise<T> {
  return ask<T>("POST", address, body);
}

async function ask<T>(method: string, address: string, body?: object): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : null,
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError(0, "unreachable", "The server can't be reached.");
  }
  const told: unknown = await response.json().catch(() => null);
  if (response.ok) return told as T;
  const { code = "unknown", message = "The server did not say why." } = (told ?? {}) as Partial<ApiError>;
  throw new ApiError(response.status, code, message);
}
