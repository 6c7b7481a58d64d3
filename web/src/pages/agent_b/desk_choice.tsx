import type { Agent } from "../../api/types";
import { Card } from "../../ui/card";

/** Whose desk this is. */
export function DeskChoice({ people, onChoose }: { people: readonly Agent[]; onChoose: (rosterId: string) => void }) {
  return (
    <Card title="Who are you?" className="mx-auto mt-4 w-full max-w-xl">
      <ul className="flex flex-col gap-2">
        {people.map((person) => (
          <li key={person.identity}>
            <button
              type="button"
              className="flex min-h-14 w-full flex-wrap items-baseline gap-x-3 rounded-xl border border-line px-4 py-3 text-left hover:bg-sunk"
              onClick={() => onChoose(person.roster_id ?? "")}
            >
              <span className="font-semibold">{person.name}</span>
              <span className="text-soft">{person.title}</span>
              <span className="w-full text-sm text-soft">{person.skills.join(", ")}</span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
