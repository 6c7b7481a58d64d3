import { useEffect, useState } from "react";
import { DeskCall } from "../../call/desk_call";
import type { Ring } from "./ring";

const STORED = "warm-transfer.desk-call";

/** This desk's line into the call: goes to the caller once accepted, comes back after a reload, ends with the call. */
export function useDeskCall(ring: Ring, rosterId: string): DeskCall {
  const id = ring.call.session_id;
  const [line] = useState(() => new DeskCall(id, rosterId));
  useEffect(() => {
    const remember = () => {
      const { phase } = line.snapshot();
      if (phase === "consult" || phase === "with_caller") sessionStorage.setItem(STORED, id);
    };
    return line.subscribe(remember);
  }, [line, id]);
  useEffect(() => {
    const wasHere = sessionStorage.getItem(STORED) === id;
    const isHere = line.snapshot().phase === "consult";
    if (ring.stage === "consult" && wasHere) void line.answer();
    if (ring.stage === "accepted" && (isHere || wasHere)) void line.goToCaller();
    if (ring.stage === "with_caller" && (isHere || wasHere)) void line.goToCaller();
  }, [ring.stage, line, id]);
  useEffect(
    () => () => {
      if (line.snapshot().phase !== "idle") line.leave();
    },
    [line],
  );
  return line;
}
