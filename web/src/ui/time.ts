/** Times as people read them; all in seconds. */

/** "0:07", "12:30", "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${minutes}:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${tail.padStart(5, "0")}` : tail;
}

/** "+0.4 s", "+12.0 s", "+2:05". */
export function elapsed(seconds: number): string {
  return seconds < 100 ? `+${seconds.toFixed(1)} s` : `+${clock(seconds)}`;
}

/** "350 ms", "1.2 s". */
export function span(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Day and time in the reader's own form. */
export function moment(at: number): string {
  return new Date(at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
