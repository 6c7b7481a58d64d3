import { useNow } from "./now";

/** The seconds that are left, as a number and a bar. */
export function Countdown({ from, until, label }: { from: number; until: number; label: string }) {
  const left = Math.max(0, until - useNow(200));
  const whole = Math.max(1, until - from);
  return (
    <div className="flex items-center gap-3">
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.round(whole)}
        aria-valuenow={Math.round(left)}
        className="h-2 flex-1 overflow-hidden rounded-full bg-sunk"
      >
        <div className="h-full rounded-full bg-hold" style={{ width: `${Math.min(100, (left / whole) * 100)}%` }} />
      </div>
      <span className="w-10 text-right text-soft">{Math.ceil(left)} s</span>
    </div>
  );
}
