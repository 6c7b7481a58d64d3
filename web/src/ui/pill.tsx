import clsx from "clsx";
import type { ReactNode } from "react";

export type Tone = "brand" | "hold" | "stop" | "calm" | "plain";

const TONES: Record<Tone, string> = {
  brand: "bg-brand-wash text-brand-deep",
  hold: "bg-hold-wash text-hold",
  stop: "bg-stop-wash text-stop",
  calm: "bg-calm-wash text-calm",
  plain: "bg-sunk text-soft",
};

/** A state in a word; its colour only repeats what the word says. */
export function Pill({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={clsx(
        "inline-flex items-center gap-1.5 self-start whitespace-nowrap rounded-full px-2.5 py-0.5 text-sm font-medium",
        TONES[tone],
      )}
    >
      {children}
    </span>
  );
}
