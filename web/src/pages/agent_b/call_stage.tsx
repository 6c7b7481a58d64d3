import { CornerUpLeft, Pause, PhoneOff, Play } from "lucide-react";
import { useState } from "react";
import { endCall, handBack, transferOn } from "../../api/client";
import type { Agent } from "../../api/types";
import type { DeskCall, DeskState } from "../../call/desk_call";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/field";
import { LevelMeter } from "../../ui/level_meter";
import { Notice } from "../../ui/notice";
import { useNow } from "../../ui/now";
import { clock } from "../../ui/time";
import { useAction } from "../../ui/use_action";
import { MuteButton } from "./mute_button";
import type { Ring } from "./ring";

/** With the caller: mute, hold, transfer on, hand back, finish with a note. */
export function CallStage({
  ring,
  line,
  state,
  agents,
}: {
  ring: Ring;
  line: DeskCall;
  state: DeskState;
  agents: readonly Agent[];
}) {
  const now = useNow();
  const { isBusy, refusal, run } = useAction();
  const [note, setNote] = useState("");
  const id = ring.call.session_id;
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="flex items-center justify-between gap-3">
        <span className="text-lg">{state.isHolding ? "The caller is on hold." : "You are with the caller."}</span>
        <span className="text-soft">{clock(now - (ring.transfer.times.moved ?? now))}</span>
      </p>
      {refusal && <Notice>{refusal}</Notice>}
      <div className="flex flex-wrap items-center gap-2">
        <MuteButton line={line} state={state} />
        <Button aria-pressed={state.isHolding} onClick={() => void line.setHolding(!state.isHolding)}>
          {state.isHolding ? <Play aria-hidden size={18} /> : <Pause aria-hidden size={18} />}
          {state.isHolding ? "Go on" : "Hold"}
        </Button>
        <Button disabled={isBusy} onClick={() => void run(() => handBack(id))}>
          <CornerUpLeft aria-hidden size={18} /> Back to Agent A
        </Button>
        <LevelMeter level={() => line.microphone?.level() ?? 0} isOff={state.isMuted || state.isHolding} />
      </div>
      <TransferOn
        agents={agents.filter((agent) => agent.role === "agent_b" && agent.roster_id !== ring.attempt.target)}
        isBusy={isBusy}
        onTransfer={(skill) => void run(() => transferOn(id, skill, note.trim()))}
      />
      <label className="block">
        <span className="mb-1 block text-sm font-medium text-soft">Note</span>
        <textarea
          rows={3}
          maxLength={2000}
          value={note}
          onChange={(event) => setNote(event.target.value)}
          className="w-full rounded-xl border border-edge bg-card px-3 py-2"
        />
      </label>
      <Button kind="stop" disabled={isBusy} onClick={() => void run(() => endCall(id, note.trim() || undefined))}>
        <PhoneOff aria-hidden size={18} /> {note.trim() ? "Finish with this note" : "Finish the call"}
      </Button>
    </div>
  );
}

function TransferOn({
  agents,
  isBusy,
  onTransfer,
}: {
  agents: readonly Agent[];
  isBusy: boolean;
  onTransfer: (skill: string) => void;
}) {
  const skills = [...new Set(agents.flatMap((agent) => agent.skills))].sort();
  const [skill, setSkill] = useState("");
  const chosen = skill || skills[0] || "";
  return (
    <details className="border-t border-line pt-2">
      <summary className="min-h-11 cursor-pointer py-2.5 font-medium text-soft">Transfer to a colleague</summary>
      <div className="flex items-end gap-2 pt-1">
        <div className="min-w-0 flex-1">
          <Choice label="For" value={chosen} onChange={(event) => setSkill(event.target.value)}>
            {skills.map((one) => (
              <option key={one} value={one}>
                {one} (
                {agents
                  .filter((agent) => agent.skills.includes(one))
                  .map((agent) => agent.name)
                  .join(", ")}
                )
              </option>
            ))}
          </Choice>
        </div>
        <Button disabled={isBusy || !chosen} onClick={() => onTransfer(chosen)}>
          Transfer
        </Button>
      </div>
    </details>
  );
}
