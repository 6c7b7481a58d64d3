/** Figures of reply times: what the chart and its table show. */

import type { Latency } from "../../api/types";

export const STAGES = [
  ["stt_ms", "Recognition"],
  ["llm_ms", "Model"],
  ["tts_ms", "Voice"],
] as const;

export interface Figures {
  name: string;
  p50: number | null;
  p95: number | null;
}

/** The value that a share of the values does not exceed (nearest rank); null if there is none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

export function total(one: Latency): number {
  return STAGES.reduce((sum, [key]) => sum + (one[key] ?? 0), 0);
}

export function figures(latencies: readonly Latency[]): Figures[] {
  const rows = STAGES.map(([key, name]) =>
    row(
      name,
      latencies.flatMap((one) => one[key] ?? []),
    ),
  );
  return [...rows, row("Reply", latencies.map(total))];
}

function row(name: string, values: readonly number[]): Figures {
  return { name, p50: quantile(values, 0.5), p95: quantile(values, 0.95) };
}
