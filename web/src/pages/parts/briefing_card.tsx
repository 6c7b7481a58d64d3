import type { Briefing } from "../../api/types";

/** What Agent B is told; each fact and statement leads to the turn that it came from. */
export function BriefingCard({ briefing, onTurn }: { briefing: Briefing; onTurn: (turnId: string) => void }) {
  const says = (texts: readonly string[]) => (
    <Statements texts={texts.filter(Boolean)} briefing={briefing} onTurn={onTurn} />
  );
  return (
    <div className="flex flex-col gap-3">
      <p className="text-lg">
        <strong>{briefing.caller_name ?? "The caller gave no name."}</strong>
        {briefing.mood && <span className="text-soft"> · sounds {briefing.mood}</span>}
      </p>
      {briefing.reason && <Part name="Why">{briefing.reason}</Part>}
      {briefing.asked && <Part name="What they ask, in their words">{says([briefing.asked])}</Part>}
      {briefing.tried.length > 0 && <Part name="Already tried">{says(briefing.tried)}</Part>}
      {briefing.promises.length > 0 && <Part name="What they say they were promised">{says(briefing.promises)}</Part>}
      {briefing.also.length > 0 && <Part name="What else they told">{says(briefing.also)}</Part>}
      {briefing.earlier.length > 0 && <Part name="Earlier in this call">{briefing.earlier.join(" ")}</Part>}
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
                  {fact.standing === "verified" && <span className="text-sm text-soft"> verified</span>}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Statements({
  texts,
  briefing,
  onTurn,
}: {
  texts: readonly string[];
  briefing: Briefing;
  onTurn: (turnId: string) => void;
}) {
  return texts.map((text) => {
    const source = briefing.sources.find((one) => one.text === text);
    if (!source) return <span key={text}>“{text}” </span>;
    return (
      <button
        key={text}
        type="button"
        className="block min-h-6 text-left underline decoration-line underline-offset-4 hover:decoration-ink"
        onClick={() => onTurn(source.turn_id)}
      >
        “{text}”
      </button>
    );
  });
}

function Part({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <h3 className="text-sm font-medium text-soft">{name}</h3>
      <div className="[overflow-wrap:anywhere]">{children}</div>
    </div>
  );
}
