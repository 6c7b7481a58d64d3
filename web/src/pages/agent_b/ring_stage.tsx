import { Phone } from "lucide-react";
import { askForTime, decline } from "../../api/client";
import type { DeskCall, DeskState } from "../../call/desk_call";
import { Button } from "../../ui/button";
import { Countdown } from "../../ui/countdown";
import { Notice } from "../../ui/notice";
import { useAction } from "../../ui/use_action";
import { DeclineForm } from "./decline_form";
import { OtherClient } from "./other_client";
import type { Ring } from "./ring";

/** It rings: why, for how long, and what one can do. */
export function RingStage({ ring, line, state }: { ring: Ring; line: DeskCall; state: DeskState }) {
  const { isBusy, refusal, run } = useAction();
  const { call, transfer, attempt } = ring;
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="text-lg">
        Agent A has a caller for you
        {transfer.offer_reason ? `: ${transfer.offer_reason}` : "."}
      </p>
      {attempt.ring_until !== null && (
        <Countdown from={attempt.rung_at} until={attempt.ring_until} label="Time left to answer" />
      )}
      {refusal && <Notice>{refusal}</Notice>}
      <div className="flex flex-wrap gap-2">
        <Button kind="main" disabled={state.phase !== "idle"} onClick={() => void line.answer()} className="flex-1">
          <Phone aria-hidden size={18} /> {state.phase === "idle" ? "Answer" : "Answering …"}
        </Button>
        <Button disabled={isBusy} onClick={() => void run(() => askForTime(call.session_id))}>
          30 seconds
        </Button>
      </div>
      <DeclineForm isBusy={isBusy} onDecline={(reason) => void run(() => decline(call.session_id, reason))} />
      {state.phase === "idle" && <OtherClient sessionId={call.session_id} rosterId={attempt.target} />}
    </div>
  );
}
