import { ArrowRightLeft, PhoneOff, Undo2 } from "lucide-react";
import { useState } from "react";
import { cancelTransfer, endCall, transferNow } from "../../api/client";
import type { Agent, Call } from "../../api/types";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";
import { useAction } from "../../ui/use_action";

/** Transfer now, cancel, end. */
export function CallControls({ call, agents }: { call: Call; agents: readonly Agent[] }) {
  const { isBusy, refusal, run } = useAction();
  const targets = agents.filter((agent) => agent.role === "agent_b");
  const [chosen, setChosen] = useState("");
  const target = targets.find((agent) => agent.identity === chosen) ?? targets[0];
  const skill = target?.skills[0];
  const isTransferring = ["ringing", "consulting", "moving"].includes(call.state);
  const canTransfer = call.state === "talking" || call.state === "offered";
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        {!isTransferring && (
          <>
            <select
              aria-label="To which specialist"
              className="min-h-11 min-w-0 max-w-full rounded-xl border border-edge bg-card px-3"
              value={target?.identity ?? ""}
              onChange={(event) => setChosen(event.target.value)}
            >
              {targets.map((agent) => (
                <option key={agent.identity} value={agent.identity}>
                  {agent.name}, {agent.title}
                  {agent.presence === "available" ? "" : ` (${agent.presence})`}
                </option>
              ))}
            </select>
            <Button
              kind="main"
              disabled={isBusy || !canTransfer || !skill}
              onClick={() => void run(() => transferNow(call.session_id, skill ?? "", "Asked for on the dashboard."))}
            >
              <ArrowRightLeft aria-hidden size={18} /> Transfer now
            </Button>
          </>
        )}
        {isTransferring && (
          <Button
            disabled={isBusy || call.state === "moving"}
            onClick={() => void run(() => cancelTransfer(call.session_id))}
          >
            <Undo2 aria-hidden size={18} /> Cancel the transfer
          </Button>
        )}
        <Button className="text-stop" disabled={isBusy} onClick={() => void run(() => endCall(call.session_id))}>
          <PhoneOff aria-hidden size={18} /> End the call
        </Button>
      </div>
      {refusal && <Notice>{refusal}</Notice>}
    </div>
  );
}
