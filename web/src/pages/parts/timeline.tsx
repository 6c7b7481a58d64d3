import clsx from "clsx";
import type { Transfer } from "../../api/types";
import { useNow } from "../../ui/now";
import { elapsed } from "../../ui/time";
import { steps } from "./steps";

/** A transfer step by step, each with the time since the first. */
export function Timeline({ transfer, who }: { transfer: Transfer; who: (target: string) => string }) {
  const now = useNow(500);
  const done = steps(transfer, who);
  const start = done[0]?.at ?? now;
  const isOver = transfer.disposition !== null || transfer.times.withdrawn !== null;
  return (
    <ol className="flex flex-col">
      {done.map((step, index) => {
        const isCurrent = !isOver && index === done.length - 1;
        return (
          <li
            key={step.key}
            aria-current={isCurrent ? "step" : undefined}
            className="relative flex gap-3 pb-3 pl-5 last:pb-0"
          >
            <span
              aria-hidden
              className={clsx(
                "absolute top-1.5 left-0 size-2.5 rounded-full",
                isCurrent ? "animate-pulse bg-hold" : "bg-brand",
              )}
            />
            {index < done.length - 1 && <span aria-hidden className="absolute top-4 bottom-0 left-1 w-0.5 bg-line" />}
            <span className="min-w-0 flex-1">
              <span className={clsx(isCurrent && "font-semibold")}>{step.name}</span>
              {step.told && <span className="block text-sm text-soft [overflow-wrap:anywhere]">{step.told}</span>}
            </span>
            <time className="text-sm text-soft" dateTime={new Date(step.at * 1000).toISOString()}>
              {elapsed(step.at - start)}
            </time>
          </li>
        );
      })}
      {!isOver && (
        <li className="pl-5 text-sm text-soft">
          <span role="timer">now {elapsed(now - start)}</span>
        </li>
      )}
    </ol>
  );
}
