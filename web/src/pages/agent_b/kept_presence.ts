/** What a desk said of itself last: a page that is loaded again is as it was, a new tab is away. */

import type { Presence } from "../../api/types";

const PRESENCES: readonly Presence[] = ["available", "away", "busy"];

export function keptPresence(rosterId: string, storage: Storage = sessionStorage): Presence {
  return PRESENCES.find((one) => one === storage.getItem(key(rosterId))) ?? "away";
}

export function keepPresence(rosterId: string, presence: Presence, storage: Storage = sessionStorage): void {
  storage.setItem(key(rosterId), presence);
}

function key(rosterId: string): string {
  return `presence of ${rosterId}`;
}
