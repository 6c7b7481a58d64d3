import type { HistoryFilter } from "../../api/client";
import { Choice, TextField } from "../../ui/field";
import { dispositionWords } from "../parts/words";

const DISPOSITIONS = [
  "completed",
  "declined",
  "busy",
  "no_answer",
  "voicemail",
  "unavailable",
  "cancelled",
  "caller_left",
  "target_left",
  "move_failed",
  "failed",
];
const DAY_S = 24 * 3600;

/** What the list is narrowed to. */
export function FilterBar({ filter, onChange }: { filter: HistoryFilter; onChange: (filter: HistoryFilter) => void }) {
  return (
    <div className="mb-4 grid gap-3 sm:grid-cols-3">
      <Choice
        label="Outcome of the last transfer"
        value={filter.disposition ?? ""}
        onChange={({ target }) => onChange(narrowed(filter, "disposition", target.value || undefined))}
      >
        <option value="">any</option>
        {DISPOSITIONS.map((one) => (
          <option key={one} value={one}>
            {dispositionWords(one).words}
          </option>
        ))}
      </Choice>
      <TextField
        label="From"
        type="date"
        onChange={({ target }) => onChange(narrowed(filter, "from", midnight(target.value)))}
      />
      <TextField
        label="To"
        type="date"
        onChange={({ target }) => {
          const day = midnight(target.value);
          onChange(narrowed(filter, "to", day === undefined ? undefined : day + DAY_S));
        }}
      />
    </div>
  );
}

function narrowed<K extends keyof HistoryFilter>(filter: HistoryFilter, key: K, value: HistoryFilter[K] | undefined) {
  const { [key]: _, ...rest } = filter;
  return value === undefined ? rest : { ...rest, [key]: value };
}

function midnight(day: string): number | undefined {
  return day ? new Date(`${day}T00:00`).getTime() / 1000 : undefined;
}
