import clsx from "clsx";
import type { ReactNode } from "react";

/** One sentence that needs attention. */
export function Notice({ tone = "stop", children }: { tone?: "stop" | "hold" | "calm"; children: ReactNode }) {
  const tones = {
    stop: "bg-stop-wash text-stop",
    hold: "bg-hold-wash text-hold",
    calm: "bg-calm-wash text-calm",
  };
  return (
    <div role={tone === "stop" ? "alert" : "status"} className={clsx("rounded-xl px-4 py-3", tones[tone])}>
      {children}
    </div>
  );
}
