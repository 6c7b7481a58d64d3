import clsx from "clsx";
import type { Presence } from "../../api/types";

const WORDS: [Presence, string][] = [
  ["available", "Available"],
  ["busy", "Busy"],
  ["away", "Away"],
];

/** Whether calls ring here. */
export function PresenceSwitch({ presence, onChange }: { presence: Presence; onChange: (presence: Presence) => void }) {
  return (
    <fieldset className="flex rounded-xl border border-edge p-0.5">
      <legend className="sr-only">Presence</legend>
      {WORDS.map(([value, word]) => (
        <label
          key={value}
          className={clsx(
            "flex min-h-10 cursor-pointer items-center gap-2 rounded-[0.6rem] px-3 font-medium",
            "has-focus-visible:outline-3 has-focus-visible:outline-calm",
            presence === value ? "bg-ink text-page" : "text-soft hover:bg-sunk",
          )}
        >
          <input
            type="radio"
            name="presence"
            className="sr-only"
            checked={presence === value}
            onChange={() => onChange(value)}
          />
          {word}
        </label>
      ))}
    </fieldset>
  );
}
