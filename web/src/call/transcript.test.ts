import { describe, expect, it } from "vitest";
import type { Turn } from "../api/types";
import { merged, type Segment, withSegment, withTurn } from "./transcript";

const turn = (turn_id: string, speaker: Turn["speaker"], text: string): Turn => ({ turn_id, speaker, text, at: 0 });
const piece = (segment_id: string, text: string, changes: Partial<Segment> = {}): Segment => ({
  segment_id,
  speaker: "caller",
  text,
  isFinal: false,
  after: 0,
  ...changes,
});
const texts = (turns: Turn[], segments: Segment[]) => merged(turns, segments).map((line) => line.text);

describe("the transcript", () => {
  it("changes a segment in place as more of it is recognized", () => {
    let segments: Segment[] = [];
    segments = withSegment(segments, piece("s1", "I was"));
    segments = withSegment(segments, piece("s2", "Hello", { speaker: "agent_a", after: 1 }));
    segments = withSegment(segments, piece("s1", "I was charged twice", { isFinal: true, after: 1 }));
    expect(segments.map((one) => [one.text, one.isFinal, one.after])).toEqual([
      ["I was charged twice", true, 0],
      ["Hello", false, 1],
    ]);
  });

  it("does not show a segment that has no words yet", () => {
    expect(withSegment([], piece("s1", " "))).toEqual([]);
  });

  it("keeps a final segment final when an earlier piece comes late", () => {
    const final = withSegment([], piece("s1", "twice", { isFinal: true }));
    expect(withSegment(final, piece("s1", "twice"))[0]?.isFinal).toBe(true);
  });

  it("takes a turn of the log once, however often it comes", () => {
    const once = withTurn([], turn("t1_1", "caller", "Hi"));
    expect(withTurn(once, turn("t1_1", "caller", "Hi"))).toHaveLength(1);
  });

  it("shows the log's words instead of the live ones once the log has them", () => {
    const turns = [turn("t1_1", "caller", "My account number is 445566.")];
    expect(texts(turns, [piece("s1", "my account number is four four", { isFinal: true })])).toEqual([
      "My account number is 445566.",
    ]);
  });

  it("shows an agent's interrupted utterance once, as far as it was spoken", () => {
    const turns = [turn("t1_1", "agent_a", "May I connect")];
    const live = piece("s1", "May I connect you with Ben, our billing specialist?", { speaker: "agent_a" });
    expect(texts(turns, [live])).toEqual(["May I connect"]);
  });

  it("shows the same words twice when they were said twice", () => {
    const turns = [turn("t1_1", "caller", "Yes please.")];
    const again = piece("s2", "Yes please", { after: 1 });
    expect(texts(turns, [piece("s1", "Yes please"), again])).toEqual(["Yes please.", "Yes please"]);
  });

  it("does not take one speaker's words for the other's", () => {
    const turns = [turn("t1_1", "caller", "Yes please.")];
    expect(texts(turns, [piece("s1", "Yes please", { speaker: "agent_a", after: 1 })])).toHaveLength(2);
  });

  it("keeps what is only live at its place while the log goes on", () => {
    const turns = [turn("t1_1", "agent_a", "Welcome."), turn("t1_2", "agent_a", "Goodbye.")];
    expect(texts(turns, [piece("s1", "Who is there", { after: 1 })])).toEqual(["Welcome.", "Who is there", "Goodbye."]);
  });

  it("goes on in the next room below what was said in the one before", () => {
    const before = [turn("t1_1", "caller", "Please connect me."), turn("t1_2", "agent_a", "One moment.")];
    const live = piece("room-2-s1", "Hello Susan", { speaker: "agent_b", after: 2 });
    expect(texts(before, [live])).toEqual(["Please connect me.", "One moment.", "Hello Susan"]);
  });
});
