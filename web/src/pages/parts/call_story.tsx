import { useState } from "react";
import type { Agent, Call } from "../../api/types";
import { Card } from "../../ui/card";
import { TranscriptView } from "../../ui/transcript_view";
import { BriefingCard } from "./briefing_card";
import { ConsultView } from "./consult_view";
import { LatencyChart } from "./latency_chart";
import { Timeline } from "./timeline";
import { logLines, nameOf } from "./words";

/** A call as it went: the transcript on one side, its transfers with briefing and consult on the other. */
export function CallStory({ call, agents }: { call: Call; agents: readonly Agent[] }) {
  const [marked, setMarked] = useState<string | null>(null);
  const who = (target: string) => nameOf(agents, target);
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Card title="Transcript">
        <TranscriptView lines={logLines(call)} marked={marked} className="max-h-[32rem]" />
      </Card>
      <div className="flex flex-col gap-4">
        {call.transfers.toReversed().map((transfer, index) => (
          <Card
            key={transfer.transfer_id}
            title={call.transfers.length > 1 ? `Transfer ${call.transfers.length - index}` : "Transfer"}
          >
            <Timeline transfer={transfer} who={who} />
            {transfer.briefing && (
              <details open={index === 0} className="mt-4 border-t border-line pt-3">
                <summary className="min-h-8 font-semibold">Briefing</summary>
                <div className="pt-2">
                  <BriefingCard briefing={transfer.briefing} onTurn={setMarked} />
                </div>
              </details>
            )}
            {transfer.consult.length > 0 && (
              <details className="mt-3 border-t border-line pt-3">
                <summary className="min-h-8 font-semibold">Consult</summary>
                <ConsultView turns={transfer.consult} />
              </details>
            )}
          </Card>
        ))}
        <Card title="Reply times">
          <LatencyChart latencies={call.latency} />
        </Card>
        {call.notes.map((note) => (
          <Card key={note.at} title={`Note by ${who(note.by)}`}>
            <p className="[overflow-wrap:anywhere] whitespace-pre-wrap">{note.text}</p>
          </Card>
        ))}
        {call.messages.map((message) => (
          <Card key={message.at} title="Message for a specialist">
            <p className="[overflow-wrap:anywhere]">{message.text}</p>
            {message.callback_number && <p className="mt-1 text-soft">Call back: {message.callback_number}</p>}
          </Card>
        ))}
      </div>
    </div>
  );
}
