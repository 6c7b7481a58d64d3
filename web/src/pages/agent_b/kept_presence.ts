/** What a desk said of itself last: a page that is loaded again is as it was, a new tab is away. */

import type { Presence } from "../../api/types";

const WORDS: readonly string[] = ["available", "away", "busy"] satisfies Presence[];

export function keptPresence(rosterId: string, storage: Storage = sessionStorage): Presence {
  const kept = storage.getItem(key(rosterId));
  return kept !== null && isPresence(kept) ? kept : "away";
}

export function keepPresence(rosterId: string, presence: Presence, storage: Storage = sessionStorage): void {
  storage.setItem(key(rosterId), presence);
}

function isPresence(word: string): word is Presence {
  return WORDS.includes(word);
}

function key(rosterId: string): string {
  return `presence of ${rosterId}`;
}
