import { useEffect, useState, useSyncExternalStore } from "react";
import { cancelTransfer } from "../../api/client";
import { useLive } from "../../api/use_live";
import { CallerCall } from "../../call/caller_call";
import { Notice } from "../../ui/notice";
import { useAction } from "../../ui/use_action";
import { CallInterface } from "./call_interface";
import { ElsewhereScreen } from "./elsewhere_screen";
import { GoodbyeScreen } from "./goodbye_screen";
import { WelcomeScreen } from "./welcome_screen";

/** The caller's page: before, in and after a call. */
export function CallerPage() {
  const [line] = useState(() => new CallerCall());
  const state = useSyncExternalStore(line.subscribe, line.snapshot);
  const { store } = useLive(state.sessionId ? [state.sessionId] : []);
  const { refusal, run } = useAction();
  const call = (state.sessionId && store.calls[state.sessionId]) || null;

  useEffect(() => void line.comeBack(), [line]);
  useEffect(() => {
    line.turnsKnown = call?.transcript.length ?? 0;
    if (call?.state === "ended") line.end();
  }, [line, call]);

  if (state.phase === "idle" || (state.phase === "connecting" && !call)) {
    return (
      <WelcomeScreen
        isConnecting={state.phase === "connecting"}
        fault={state.fault}
        onCall={(name, deviceId) => void line.call(name, deviceId)}
      />
    );
  }
  if (state.phase === "ended") {
    return <GoodbyeScreen call={call} segments={state.segments} onAgain={() => location.reload()} />;
  }
  if (state.phase === "elsewhere") return <ElsewhereScreen onTake={() => void line.takeHere()} />;
  return (
    <>
      {refusal && (
        <div className="fixed inset-x-4 top-4 z-10 mx-auto max-w-xl">
          <Notice>{refusal}</Notice>
        </div>
      )}
      <CallInterface
        line={line}
        state={state}
        call={call}
        onCancel={() => void run(() => cancelTransfer(state.sessionId ?? ""))}
      />
    </>
  );
}
