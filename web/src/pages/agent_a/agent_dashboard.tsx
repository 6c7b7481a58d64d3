import type { Agent, Call } from "../../api/types";
import { Card } from "../../ui/card";
import { useNow } from "../../ui/now";
import { Pill } from "../../ui/pill";
import { clock } from "../../ui/time";
import { CallStory } from "../parts/call_story";
import { callerName, stateWords } from "../parts/words";
import { CallControls } from "./call_controls";

/** One live call in full, and what can be done with it. */
export function AgentDashboard({ call, agents }: { call: Call; agents: readonly Agent[] }) {
  const now = useNow();
  const { words, tone } = stateWords(call);
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Card>
        <div className="flex flex-wrap items-center justify-between gap-4">
          <div>
            <h2 className="text-xl font-semibold tracking-tight">{callerName(call)}</h2>
            <p role="status" className="mt-1 flex items-center gap-2 text-soft">
              <Pill tone={tone}>{words}</Pill>
            </p>
          </div>
          <span className="text-2xl text-soft" role="timer" aria-label="Length of the call">
            {clock((call.ended_at ?? now) - call.started_at)}
          </span>
        </div>
        {call.state !== "ended" && (
          <div className="mt-4">
            <CallControls call={call} agents={agents} />
          </div>
        )}
      </Card>
      <CallStory call={call} agents={agents} />
    </div>
  );
}
