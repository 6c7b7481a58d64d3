import { UserCheck } from "lucide-react";
import { useEffect, useRef } from "react";
import { accept, askForTime, decline } from "../../api/client";
import type { DeskCall, DeskState } from "../../call/desk_call";
import { Button } from "../../ui/button";
import { MessageBox } from "../../ui/message_box";
import { Notice } from "../../ui/notice";
import { Pill } from "../../ui/pill";
import { useAction } from "../../ui/use_action";
import { ConsultView } from "../parts/consult_view";
import { DeclineForm } from "./decline_form";
import { MuteButton } from "./mute_button";
import type { Ring } from "./ring";

/** In private with Agent A: hear the briefing, ask, take the caller or not. */
export function ConsultStage({ ring, line, state }: { ring: Ring; line: DeskCall; state: DeskState }) {
  const { isBusy, refusal, run } = useAction();
  const { call, transfer } = ring;
  const isAgentASpeaking = state.speaking.some((identity) => identity.startsWith("agent_a"));
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="flex flex-wrap items-center gap-2">
        <span>You are in private with Agent A. The caller is on hold.</span>
        {isAgentASpeaking && <Pill tone="calm">Agent A is speaking</Pill>}
      </p>
      <Captions turns={transfer.consult} />
      <MessageBox label="Ask Agent A, or just speak" onSend={(text) => void line.ask(text)} />
      {refusal && <Notice>{refusal}</Notice>}
      <div className="flex flex-wrap gap-2">
        <Button
          kind="main"
          className="flex-1"
          disabled={isBusy}
          onClick={() => void run(() => accept(call.session_id))}
        >
          <UserCheck aria-hidden size={18} /> Connect the caller
        </Button>
        <Button disabled={isBusy} onClick={() => void run(() => askForTime(call.session_id))}>
          30 seconds
        </Button>
        <MuteButton line={line} state={state} />
      </div>
      <DeclineForm isBusy={isBusy} onDecline={(reason) => void run(() => decline(call.session_id, reason))} />
    </div>
  );
}

function Captions({ turns }: { turns: Ring["transfer"]["consult"] }) {
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a further turn is what moves the end.
  useEffect(() => box.current?.scrollTo({ top: box.current.scrollHeight }), [turns.length]);
  if (turns.length === 0) return null;
  return (
    <div
      ref={box}
      role="log"
      aria-label="Captions of the consult"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
      tabIndex={0}
      className="max-h-48 overflow-y-auto rounded-xl bg-sunk px-4 pb-3"
    >
      <ConsultView turns={turns} />
    </div>
  );
}
