import { useState, useSyncExternalStore } from "react";
import type { Agent, Presence } from "../../api/types";
import { useLive } from "../../api/use_live";
import type { DeskCall } from "../../call/desk_call";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { Notice } from "../../ui/notice";
import { Pill } from "../../ui/pill";
import { TranscriptView } from "../../ui/transcript_view";
import { useRingTone } from "../../ui/use_ring_tone";
import { BriefingCard } from "../parts/briefing_card";
import { StaffPage } from "../parts/staff_page";
import { callerName, logLines } from "../parts/words";
import { CallStage } from "./call_stage";
import { ConsultStage } from "./consult_stage";
import { keepPresence, keptPresence } from "./kept_presence";
import { PresenceSwitch } from "./presence_switch";
import { type Ring, ringOf } from "./ring";
import { RingStage } from "./ring_stage";
import { useDeskCall } from "./use_desk_call";

/** One person's desk: rings, shows the briefing, connects the caller. */
export function Desk({ person, isLocal, onLeave }: { person: Agent; isLocal: boolean; onLeave: (() => void) | null }) {
  const rosterId = person.roster_id ?? "";
  const [presence, say] = useState(() => keptPresence(rosterId));
  const { store, standing, setPresence } = useLive(null, { agent: isLocal ? rosterId : undefined, presence });
  const ring = ringOf(Object.values(store.calls), rosterId);
  const change = (next: Presence) => {
    say(next);
    setPresence(next);
    keepPresence(rosterId, next);
  };
  useRingTone(ring?.stage === "ringing");
  return (
    <StaffPage title={person.name} standing={standing} aside={<PresenceSwitch presence={presence} onChange={change} />}>
      <p className="flex flex-wrap items-center gap-2 text-soft">
        {person.title}
        {person.skills.map((skill) => (
          <Pill key={skill}>{skill}</Pill>
        ))}
        {onLeave && !ring && (
          <Button kind="quiet" onClick={onLeave}>
            Not {person.name}?
          </Button>
        )}
      </p>
      {ring ? (
        <DeskInCall key={ring.call.session_id} ring={ring} rosterId={rosterId} agents={store.agents} />
      ) : (
        <Card className="py-14 text-center">
          <p role="status" className="text-lg text-soft">
            {presence === "available"
              ? "Calls for your skills ring here."
              : "No call rings here until you are available."}
          </p>
        </Card>
      )}
    </StaffPage>
  );
}

function DeskInCall({ ring, rosterId, agents }: { ring: Ring; rosterId: string; agents: readonly Agent[] }) {
  const line = useDeskCall(ring, rosterId);
  const [marked, setMarked] = useState<string | null>(null);
  const { call, transfer } = ring;
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1.1fr)_minmax(0,1fr)]">
      <div className="flex flex-col gap-4">
        <Card title={callerName(call)}>
          <Stage ring={ring} line={line} agents={agents} />
        </Card>
        {transfer.briefing && (
          <Card title="Briefing">
            <BriefingCard briefing={transfer.briefing} onTurn={setMarked} />
          </Card>
        )}
      </div>
      <Card title="What was said so far">
        <TranscriptView lines={logLines(call)} marked={marked} className="max-h-[32rem]" />
      </Card>
    </div>
  );
}

function Stage({ ring, line, agents }: { ring: Ring; line: DeskCall; agents: readonly Agent[] }) {
  const state = useSyncExternalStore(line.subscribe, line.snapshot);
  const isHere = state.phase !== "idle" && state.phase !== "over";
  return (
    <div className="flex flex-col gap-4">
      {state.fault && <Notice>{state.fault}</Notice>}
      {state.isSoundHeldBack && (
        <Button kind="main" onClick={() => void line.playSound()}>
          Hear the call
        </Button>
      )}
      {ring.stage === "ringing" && <RingStage ring={ring} line={line} state={state} />}
      {ring.stage !== "ringing" && !isHere && <Elsewhere ring={ring} line={line} />}
      {ring.stage === "consult" && isHere && <ConsultStage ring={ring} line={line} state={state} />}
      {ring.stage === "accepted" && isHere && <p role="status">Connecting the caller to you …</p>}
      {ring.stage === "with_caller" && isHere && <CallStage ring={ring} line={line} state={state} agents={agents} />}
    </div>
  );
}

/** The call is at another desk of the same person, or this one lost it. */
function Elsewhere({ ring, line }: { ring: Ring; line: DeskCall }) {
  return (
    <div className="flex flex-col items-start gap-3">
      <p role="status">This call is open at another desk of yours.</p>
      <Button onClick={() => void (ring.stage === "consult" ? line.answer() : line.goToCaller())}>Take it here</Button>
    </div>
  );
}
