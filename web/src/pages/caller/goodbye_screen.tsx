import { Phone } from "lucide-react";
import type { Call } from "../../api/types";
import { merged, type Segment } from "../../call/transcript";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { TranscriptView } from "../../ui/transcript_view";

/** After the call: that it is over, and what was said. */
export function GoodbyeScreen({
  call,
  segments,
  onAgain,
}: {
  call: Call | null;
  segments: readonly Segment[];
  onAgain: () => void;
}) {
  const lines = merged(call?.transcript ?? [], segments);
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-2xl flex-col gap-5 px-4 py-10">
      <header className="flex flex-wrap items-center justify-between gap-4">
        <div role="status">
          <h1 className="text-3xl font-semibold tracking-tight">The call has ended</h1>
          <p className="text-lg text-soft">Thank you for calling.</p>
        </div>
        <Button kind="main" onClick={onAgain}>
          <Phone aria-hidden size={18} /> Call again
        </Button>
      </header>
      {lines.length > 0 && (
        <Card title="What was said">
          <TranscriptView lines={lines} names={{ caller: "You", agent_a: "Agent A", agent_b: "Agent B" }} />
        </Card>
      )}
    </main>
  );
}
