import { useState } from "react";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";

/** No, and why: Agent A calls the next person, and the reason stays with the call. */
export function DeclineForm({ isBusy, onDecline }: { isBusy: boolean; onDecline: (reason: string) => void }) {
  const [reason, setReason] = useState("");
  return (
    <details className="border-t border-line pt-2">
      <summary className="min-h-11 cursor-pointer py-2.5 font-medium text-soft">Decline</summary>
      <form
        className="flex flex-col gap-3 pt-1"
        onSubmit={(event) => {
          event.preventDefault();
          onDecline(reason.trim());
        }}
      >
        <TextField
          label="Reason, for Agent A"
          maxLength={200}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        <Button kind="stop" type="submit" disabled={isBusy}>
          Decline this call
        </Button>
      </form>
    </details>
  );
}
