import type { ConsultTurn } from "../../api/types";

const KINDS: Record<ConsultTurn["kind"], string> = { question: "asks", answer: "answers", heard: "says" };

/** What was said in private between Agent A and Agent B. */
export function ConsultView({ turns }: { turns: readonly ConsultTurn[] }) {
  return (
    <ul className="flex flex-col gap-1.5 pt-2">
      {turns.map((turn) => (
        <li key={`${turn.at} ${turn.kind}`} className="[overflow-wrap:anywhere]">
          <span className="text-sm text-soft">
            {turn.by.startsWith("agent_a") ? "Agent A" : "Agent B"} {KINDS[turn.kind]}
          </span>{" "}
          {turn.text}
        </li>
      ))}
    </ul>
  );
}
