import { Mic, MicOff, PhoneOff, Settings2, Undo2, Volume2 } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Call } from "../../api/types";
import type { CallerCall, CallerState } from "../../call/caller_call";
import { merged, type Speaker } from "../../call/transcript";
import { Button } from "../../ui/button";
import { LevelMeter } from "../../ui/level_meter";
import { MessageBox } from "../../ui/message_box";
import { MicrophonePicker } from "../../ui/microphone_picker";
import { Notice } from "../../ui/notice";
import { useNow } from "../../ui/now";
import { Pill } from "../../ui/pill";
import { clock } from "../../ui/time";
import { TranscriptView } from "../../ui/transcript_view";
import { standing } from "./standing";

const NAMES: Record<Speaker, string> = { caller: "You", agent_a: "Agent A", agent_b: "Agent B" };

/** The caller's call: how it stands, what was said, and the few things that one can do. */
export function CallInterface({
  line,
  state,
  call,
  onCancel,
}: {
  line: CallerCall;
  state: CallerState;
  call: Call | null;
  onCancel: () => void;
}) {
  const now = useNow();
  const [isPicking, setIsPicking] = useState(false);
  const { tone, title, told, heldSince, canCancel } = standing(call, state, now);
  const lines = useMemo(() => merged(call?.transcript ?? [], state.segments), [call?.transcript, state.segments]);
  const isMuted = state.isMuted || !state.hasMicrophone;
  useMuteKey(() => void line.setMuted(!state.isMuted));

  return (
    <main className="mx-auto flex h-dvh w-full max-w-2xl flex-col gap-3 px-4 py-3">
      <header className="flex items-center gap-3">
        <img src="/icon.svg" alt="" className="size-8" />
        <h1 className="flex-1 font-semibold">Your call</h1>
        <span className="text-soft" role="timer" aria-label="Length of the call">
          {state.startedAtMs && clock(now - state.startedAtMs / 1000)}
        </span>
      </header>

      <section aria-label="State of the call" className="rounded-2xl border border-line bg-card p-4 shadow-card">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <div role="status" className="flex min-w-0 flex-1 basis-56 flex-col gap-0.5">
            <span className="flex flex-wrap items-center gap-2">
              <span className="text-xl font-semibold tracking-tight">{title}</span>
            </span>
            <span className="text-soft">{told}</span>
          </div>
          {heldSince !== null && <Pill tone={tone}>{clock(now - heldSince)}</Pill>}
          {canCancel && (
            <Button onClick={onCancel}>
              <Undo2 aria-hidden size={18} /> Back to Agent A
            </Button>
          )}
        </div>
        <p className="mt-2 flex h-6 items-center gap-2 text-sm text-soft">
          {state.speaking.map((who) => (
            <Pill key={who} tone={who === "caller" ? "plain" : "calm"}>
              {who === "caller" ? "You are speaking" : `${NAMES[who]} is speaking`}
            </Pill>
          ))}
        </p>
      </section>

      {state.fault && <Notice tone="hold">{state.fault}</Notice>}
      {state.isSoundHeldBack && (
        <Button kind="main" onClick={() => void line.playSound()}>
          <Volume2 aria-hidden size={18} /> Hear the call
        </Button>
      )}

      <TranscriptView lines={lines} names={NAMES} className="min-h-0 flex-1" empty="What is said appears here." />

      {isPicking && line.microphone && (
        <MicrophonePicker
          chosen={line.microphone.deviceId}
          onChoose={(id) => void line.switchMicrophone(id).then(() => setIsPicking(false))}
        />
      )}
      <MessageBox onSend={(text) => void line.type(text)} />
      <footer className="flex items-center gap-2 pb-1">
        <Button
          aria-pressed={isMuted}
          disabled={!state.hasMicrophone}
          onClick={() => void line.setMuted(!state.isMuted)}
          title="M"
        >
          {isMuted ? <MicOff aria-hidden size={18} /> : <Mic aria-hidden size={18} />}
          {isMuted ? "Muted" : "Mute"}
        </Button>
        <LevelMeter level={() => line.microphone?.level() ?? 0} isOff={isMuted} />
        <Button
          kind="quiet"
          className="ml-auto px-3"
          aria-label="Choose the microphone"
          aria-expanded={isPicking}
          disabled={!state.hasMicrophone}
          onClick={() => setIsPicking(!isPicking)}
        >
          <Settings2 aria-hidden size={18} />
        </Button>
        <Button kind="stop" onClick={() => void line.hangUp()}>
          <PhoneOff aria-hidden size={18} /> End
        </Button>
      </footer>
    </main>
  );
}

/** M mutes, wherever the focus is but in a field. */
function useMuteKey(toggle: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (event.key.toLowerCase() === "m" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) toggle();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
