import { describe, expect, it } from "vitest";
import { figures, quantile } from "./latency";

describe("reply times", () => {
  it("has as p95 a value that was really measured", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([quantile(values, 0.5), quantile(values, 0.95), quantile([7], 0.95), quantile([], 0.5)]).toEqual([
      50,
      95,
      7,
      null,
    ]);
  });

  it("leaves a stage that was not measured out of that stage's figures", () => {
    const one = { turn_id: "t1_2", at: 1, total_ms: null, stt_ms: null, llm_ms: 300, tts_ms: 200 };
    const rows = figures([one, { ...one, stt_ms: 100 }]);
    expect(rows.map((row) => [row.name, row.p50, row.p95])).toEqual([
      ["Recognition", 100, 100],
      ["Model", 300, 300],
      ["Voice", 200, 200],
      ["Reply", 500, 600],
    ]);
  });
});
