import { useState } from "react";
import { live } from "../../api/calls_store";
import { useLive } from "../../api/use_live";
import { Card } from "../../ui/card";
import { StaffPage } from "../parts/staff_page";
import { AgentDashboard } from "./agent_dashboard";
import { CallList } from "./call_list";

/** Agent A's page: the calls that go on, one of them in full. */
export function AgentAPage() {
  const { store, standing } = useLive(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const calls = live(store);
  // A call that ends stays in view until another is chosen: its end is what one wants to see.
  const call = (chosen && store.calls[chosen]) || calls[0];
  return (
    <StaffPage title="Live calls" standing={standing}>
      <div className="grid items-start gap-4 md:grid-cols-[17rem_minmax(0,1fr)]">
        <Card title={calls.length === 1 ? "1 call" : `${calls.length} calls`}>
          {calls.length === 0 && (
            <p className="text-soft">
              Nobody is calling.{" "}
              <a className="underline underline-offset-4" href="/" target="_blank" rel="noreferrer">
                Place a call
              </a>
            </p>
          )}
          <CallList calls={calls} chosen={call?.session_id ?? null} onChoose={setChosen} />
        </Card>
        {call && <AgentDashboard call={call} agents={store.agents} />}
      </div>
    </StaffPage>
  );
}
