import { useCallback, useEffect, useState } from "react";
import { ApiError, type HistoryFilter, listAgents, listCalls, showCall } from "../../api/client";
import type { Standing } from "../../api/live_socket";
import type { Agent, Call, CallSummary } from "../../api/types";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import { Notice } from "../../ui/notice";
import { moment } from "../../ui/time";
import { useAction } from "../../ui/use_action";
import { CallStory } from "../parts/call_story";
import { StaffPage } from "../parts/staff_page";
import { callerName } from "../parts/words";
import { CallTable } from "./call_table";
import { FilterBar } from "./filter_bar";

/** Past calls: a list that can be filtered, and one of them in full. */
export function HistoryPage() {
  const [filter, setFilter] = useState<HistoryFilter>({});
  const [calls, setCalls] = useState<CallSummary[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [agents, setAgents] = useState<Agent[]>([]);
  const [call, setCall] = useState<Call | null>(null);
  const [standing, setStanding] = useState<Standing>("connecting");
  const [fault, setFault] = useState<string | null>(null);

  const attempt = useCallback(async (act: () => Promise<void>) => {
    try {
      await act();
      setStanding("up");
      setFault(null);
    } catch (error) {
      const isRefused = error instanceof ApiError && (error.status === 401 || error.status === 403);
      setStanding(isRefused ? "refused" : "down");
      setFault(error instanceof ApiError ? error.message : "The history can't be shown.");
    }
  }, []);

  useEffect(() => {
    let isCurrent = true; // an answer to an earlier filter may come later
    void attempt(async () => {
      const [page, everybody] = await Promise.all([listCalls(filter), listAgents()]);
      if (!isCurrent) return;
      setCalls(page.calls);
      setCursor(page.next_cursor);
      setAgents(everybody);
    });
    return () => {
      isCurrent = false;
    };
  }, [filter, attempt]);
  useChosenCall((id) => void (id ? attempt(async () => setCall(await showCall(id))) : setCall(null)));

  const more = useAction();
  const showMore = () =>
    more.run(async () => {
      const page = await listCalls({ ...filter, ...(cursor ? { cursor } : {}) });
      // Of another list, if the filter was changed meanwhile.
      setCalls((known) => (known === calls ? [...known, ...page.calls] : known));
      setCursor((known) => (known === cursor ? page.next_cursor : known));
    });

  return (
    <StaffPage title="History" standing={standing} isLive={false}>
      {fault && <Notice>{fault}</Notice>}
      {more.refusal && <Notice>{more.refusal}</Notice>}
      {call ? (
        <>
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
            <a className="flex min-h-11 items-center underline underline-offset-4" href="/history">
              All calls
            </a>
            <h2 className="text-xl font-semibold">{callerName(call)}</h2>
            <span className="text-soft">{moment(call.started_at)}</span>
            <a
              className="ml-auto flex min-h-11 items-center underline underline-offset-4"
              href={`/api/calls/${call.session_id}/export`}
              download
            >
              Export as zip
            </a>
          </div>
          <CallStory call={call} agents={agents} />
        </>
      ) : (
        <Card>
          <FilterBar filter={filter} onChange={setFilter} />
          <CallTable calls={calls} agents={agents} />
          {cursor && (
            <Button className="mt-3 w-full" disabled={more.isBusy} onClick={() => void showMore()}>
              Earlier calls
            </Button>
          )}
        </Card>
      )}
    </StaffPage>
  );
}

/** The call that the address names after its #, so that back and forward work and a call can be linked to. */
function useChosenCall(choose: (id: string) => void): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: `choose` only sets state; it is another one at each render.
  useEffect(() => {
    const read = () => choose(location.hash.slice(1));
    read();
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
}
