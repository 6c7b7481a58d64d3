/** One transcript of a call, from what the rooms say live and what the call log has heard; rooms come and go. */

import type { Turn } from "../api/types";

export type Speaker = Turn["speaker"];

/** Words as they are recognized or spoken, not yet in the log. */
export interface Segment {
  segment_id: string;
  speaker: Speaker;
  text: string;
  isFinal: boolean;
  /** How many turns of the log were known when it began: its place among them. */
  after: number;
}

export interface Line {
  key: string;
  speaker: Speaker;
  text: string;
  isFinal: boolean;
  /** A tool that the speaker's model called, rather than words. */
  isTool?: boolean;
}

/** Words that two versions of one utterance share at least: recognizers differ, and agents are interrupted. */
const SAME_SHARE = 0.6;

/** The segments after one more piece of a segment: a known one is changed in place. */
export function withSegment(segments: readonly Segment[], piece: Segment): Segment[] {
  const index = segments.findIndex((one) => one.segment_id === piece.segment_id);
  const known = segments[index];
  if (!known) return piece.text.trim() ? [...segments, piece] : [...segments];
  const isFinal = known.isFinal || piece.isFinal;
  return segments.with(index, { ...piece, isFinal, after: known.after });
}

/** The turns by id, in the order of the log. */
export function withTurn(turns: readonly Turn[], turn: Turn): Turn[] {
  return turns.some((one) => one.turn_id === turn.turn_id) ? [...turns] : [...turns, turn];
}

/** Every utterance once: the log's version where it has one, the live one until then. */
export function merged(turns: readonly Turn[], segments: readonly Segment[]): Line[] {
  const open = new Set(turns.map((_, index) => index));
  const waiting: Segment[] = [];
  for (const segment of segments) {
    // A turn that was known before the segment began can still be it: after a reload the log may be ahead.
    const from = Math.max(0, segment.after - 2);
    const index = turns.findIndex((turn, place) => place >= from && open.has(place) && isSame(turn, segment));
    if (index >= 0) open.delete(index);
    else waiting.push(segment);
  }
  const lines: Line[] = [];
  for (let place = 0; place <= turns.length; place += 1) {
    const turn = turns[place - 1];
    if (turn) lines.push({ key: turn.turn_id, speaker: turn.speaker, text: turn.text, isFinal: true });
    for (const one of waiting) {
      if (Math.min(one.after, turns.length) === place) {
        lines.push({ key: one.segment_id, speaker: one.speaker, text: one.text, isFinal: one.isFinal });
      }
    }
  }
  return lines;
}

function isSame(turn: Turn, segment: Segment): boolean {
  if (turn.speaker !== segment.speaker) return false;
  const one = words(turn.text);
  const other = words(segment.text);
  const shared = one.filter((word) => other.includes(word)).length;
  return shared > 0 && shared >= SAME_SHARE * Math.min(one.length, other.length);
}

function words(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} ]/gu, " ")
    .split(" ")
    .filter(Boolean);
}
