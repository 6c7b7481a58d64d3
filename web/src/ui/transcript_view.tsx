import clsx from "clsx";
import { useEffect, useRef } from "react";
import type { Line, Speaker } from "../call/transcript";

const NAMES: Record<Speaker, string> = { caller: "Caller", agent_a: "Agent A", agent_b: "Agent B" };
const COLOURS: Record<Speaker, string> = {
  caller: "bg-sunk",
  agent_a: "bg-calm-wash",
  agent_b: "bg-brand-wash",
};

/** What was said, the latest in view as long as the reader has not scrolled up. */
export function TranscriptView({
  lines,
  names = NAMES,
  marked,
  empty = "Nothing was said yet.",
  className,
}: {
  lines: readonly Line[];
  names?: Record<Speaker, string>;
  /** Key of the line that something else on the page points at. */
  marked?: string | null;
  empty?: string;
  className?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const last = lines.at(-1);
  const place = `${lines.length} ${last?.text.length ?? 0}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `place` is what moves the end.
  useEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [place]);
  useEffect(() => {
    if (!marked) return;
    box.current?.querySelector(`[data-line="${CSS.escape(marked)}"]`)?.scrollIntoView({ block: "center" });
  }, [marked]);

  return (
    <div
      ref={box}
      role="log"
      aria-live="polite"
      aria-label="Transcript"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
      tabIndex={0}
      className={clsx("overflow-y-auto rounded-xl", className)}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollTop + clientHeight > scrollHeight - 40;
      }}
    >
      {lines.length === 0 && <p className="py-6 text-center text-soft">{empty}</p>}
      <ul className="flex flex-col gap-2 p-0.5">
        {lines.map((line) => (
          <li
            key={line.key}
            data-line={line.key}
            className={clsx(
              "flex max-w-[85%] flex-col gap-0.5",
              line.speaker === "caller" ? "items-end self-end" : "items-start self-start",
            )}
          >
            <span className="px-1 text-sm text-soft">{names[line.speaker]}</span>
            <p
              className={clsx(
                "[overflow-wrap:anywhere]",
                line.isTool
                  ? "rounded-md border border-line px-2 py-0.5 font-mono text-sm text-soft"
                  : ["rounded-2xl px-3.5 py-2", COLOURS[line.speaker]],
                line.key === marked && "outline-2 outline-hold",
                !line.isFinal && "italic",
              )}
            >
              {line.text}
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}
