import { Mic, MicOff } from "lucide-react";
import type { DeskCall, DeskState } from "../../call/desk_call";
import { Button } from "../../ui/button";

export function MuteButton({ line, state }: { line: DeskCall; state: DeskState }) {
  const Icon = state.isMuted ? MicOff : Mic;
  return (
    <Button aria-pressed={state.isMuted} onClick={() => void line.setMuted(!state.isMuted)}>
      <Icon aria-hidden size={18} /> {state.isMuted ? "Muted" : "Mute"}
    </Button>
  );
}
