import clsx from "clsx";
import type { Call } from "../../api/types";
import { useNow } from "../../ui/now";
import { Pill } from "../../ui/pill";
import { clock } from "../../ui/time";
import { callerName, stateWords } from "../parts/words";

/** The calls that go on. */
export function CallList({
  calls,
  chosen,
  onChoose,
}: {
  calls: readonly Call[];
  chosen: string | null;
  onChoose: (id: string) => void;
}) {
  const now = useNow();
  return (
    <ul className="flex flex-col gap-1">
      {calls.map((call) => {
        const { words, tone } = stateWords(call);
        const isChosen = call.session_id === chosen;
        return (
          <li key={call.session_id}>
            <button
              type="button"
              aria-pressed={isChosen}
              className={clsx(
                "flex w-full flex-col gap-1.5 rounded-xl px-3 py-2.5 text-left hover:bg-sunk",
                isChosen && "bg-sunk",
              )}
              onClick={() => onChoose(call.session_id)}
            >
              <span className="flex w-full items-baseline justify-between gap-2">
                <span className="truncate font-medium">{callerName(call)}</span>
                <span className="text-sm text-soft">{clock((call.ended_at ?? now) - call.started_at)}</span>
              </span>
              <Pill tone={tone}>{words}</Pill>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
