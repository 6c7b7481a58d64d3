import type { Briefing } from "../../api/types";

/** What Agent B is told; each fact leads to the turn that it came from. */
export function BriefingCard({ briefing, onTurn }: { briefing: Briefing; onTurn: (turnId: string) => void }) {
  return (
    <div className="flex flex-col gap-3">
      <p className="text-lg">
        <strong>{briefing.caller_name ?? "The caller gave no name."}</strong>
      </p>
      {briefing.reason && <Part name="Why" text={briefing.reason} />}
      {briefing.asked && <Part name="What they ask, in their words" text={`“${briefing.asked}”`} />}
      {briefing.tried.length > 0 && (
        <Part name="Already tried" text={briefing.tried.map((one) => `“${one}”`).join("  ")} />
      )}
      {briefing.earlier.length > 0 && <Part name="Earlier in this call" text={briefing.earlier.join(" ")} />}
      {briefing.facts.length > 0 && (
        <div>
          <h3 className="mb-1 text-sm font-medium text-soft">Facts, each from what was said</h3>
          <ul className="flex flex-wrap gap-2">
            {briefing.facts.map((fact) => (
              <li key={`${fact.kind} ${fact.turn_id}`}>
                <button
                  type="button"
                  className="min-h-11 rounded-xl border border-line px-3 text-left hover:bg-sunk"
                  onClick={() => onTurn(fact.turn_id)}
                >
                  <span className="text-sm text-soft">{fact.kind.replaceAll("_", " ")}</span>{" "}
                  <span className="font-semibold">{fact.value}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Part({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <h3 className="text-sm font-medium text-soft">{name}</h3>
      <p className="[overflow-wrap:anywhere]">{text}</p>
    </div>
  );
}
