import { useState } from "react";
import { targetAdmission } from "../../api/client";
import type { Admission } from "../../api/types";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import { Notice } from "../../ui/notice";
import { useAction } from "../../ui/use_action";

/** The way to take this call with a LiveKit client of one's own: a playground, Meet, an app. */
export function OtherClient({ sessionId, rosterId }: { sessionId: string; rosterId: string }) {
  const { isBusy, refusal, run } = useAction();
  const [admission, setAdmission] = useState<Admission | null>(null);
  const fetchToken = () => run(async () => setAdmission(await targetAdmission(sessionId, rosterId)));
  return (
    <details className="border-t border-line pt-2">
      <summary className="min-h-11 cursor-pointer py-2.5 font-medium text-soft">Answer with another client</summary>
      <div className="flex flex-col items-start gap-3 pt-1">
        <p className="text-soft">
          Any LiveKit client: join with this token, good for 60 s. Agent A briefs you there; say or type “connect” or
          “decline”, or ask.
        </p>
        {refusal && <Notice>{refusal}</Notice>}
        <Button disabled={isBusy} onClick={() => void fetchToken()}>
          {admission ? "New token" : "Get a token"}
        </Button>
        {admission && <Copied label="LiveKit URL" value={admission.url} />}
        {admission && <Copied label="Token" value={admission.token} />}
      </div>
    </details>
  );
}

function Copied({ label, value }: { label: string; value: string }) {
  return (
    <div className="w-full">
      <TextField label={label} readOnly value={value} onFocus={(event) => event.target.select()} />
    </div>
  );
}
