import type { Agent, CallSummary } from "../../api/types";
import { Pill } from "../../ui/pill";
import { clock, moment, span } from "../../ui/time";
import { callerName, dispositionWords, nameOf, stateWords } from "../parts/words";

/** Calls, a row each; on a phone a block each. */
export function CallTable({ calls, agents }: { calls: readonly CallSummary[]; agents: readonly Agent[] }) {
  if (calls.length === 0) return <p className="py-6 text-center text-soft">No call is in this list.</p>;
  return (
    <table className="w-full text-left">
      <thead className="max-sm:sr-only">
        <tr className="text-sm text-soft">
          {["Caller", "Begun", "Length", "Outcome", "With", "On hold"].map((name) => (
            <th key={name} scope="col" className="py-2 pr-4 font-medium">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          <Row key={call.session_id} call={call} agents={agents} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ call, agents }: { call: CallSummary; agents: readonly Agent[] }) {
  const isLive = call.state !== "ended";
  const { words, tone } = isLive ? stateWords(call) : dispositionWords(call.disposition);
  const cell = "py-2 pr-4 max-sm:inline-block max-sm:py-0.5";
  return (
    <tr className="border-t border-line max-sm:block max-sm:py-2">
      <td className={`${cell} max-sm:!block`}>
        <a
          className="flex min-h-9 items-center font-medium underline decoration-line underline-offset-4 hover:decoration-ink"
          href={`#${call.session_id}`}
        >
          {callerName(call)}
        </a>
      </td>
      <td className={`${cell} text-soft`}>{moment(call.started_at)}</td>
      <td className={cell}>{call.duration_s === null ? "–" : clock(call.duration_s)}</td>
      <td className={cell}>
        <Pill tone={tone}>{words}</Pill>
      </td>
      <td className={cell}>{call.target ? nameOf(agents, call.target) : ""}</td>
      <td className={`${cell} text-soft`}>
        {call.hold_ms > 0 && (
          <>
            <span className="sm:hidden">on hold </span>
            {span(call.hold_ms)}
          </>
        )}
      </td>
    </tr>
  );
}
