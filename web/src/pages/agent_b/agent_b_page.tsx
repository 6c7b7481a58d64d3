import { useEffect, useState } from "react";
import { ApiError, listAgents, whoAmI } from "../../api/client";
import type { Standing } from "../../api/live_socket";
import type { Agent, Session } from "../../api/types";
import { Card } from "../../ui/card";
import { Notice } from "../../ui/notice";
import { StaffPage } from "../parts/staff_page";
import { Desk } from "./desk";
import { DeskChoice } from "./desk_choice";

const STORED = "warm-transfer.desk";

/** Agent B's page: a person's desk. A key of role agent is one person's; the local operator chooses whose. */
export function AgentBPage() {
  const [session, setSession] = useState<Session | null>(null);
  const [people, setPeople] = useState<Agent[]>([]);
  const [chosen, setChosen] = useState(() => sessionStorage.getItem(STORED));
  const [standing, setStanding] = useState<Standing>("connecting");
  const [fault, setFault] = useState<string | null>(null);

  useEffect(() => {
    const begin = async () => {
      const me = await whoAmI();
      if (!me.is_local && me.role !== "agent") {
        setStanding("refused");
        return;
      }
      setPeople((await listAgents()).filter((agent) => agent.kind === "human"));
      setSession(me);
      setStanding("up");
    };
    begin().catch((error: unknown) => {
      setStanding("down");
      setFault(error instanceof ApiError ? error.message : "The desk can't be shown.");
    });
  }, []);

  const rosterId = session?.is_local ? chosen : session?.name;
  const person = people.find((agent) => agent.roster_id === rosterId);
  if (session && person) {
    const leave = () => {
      sessionStorage.removeItem(STORED);
      setChosen(null);
    };
    return (
      <Desk
        key={person.identity}
        person={person}
        isLocal={session.is_local}
        onLeave={session.is_local ? leave : null}
      />
    );
  }
  const choose = (id: string) => {
    sessionStorage.setItem(STORED, id);
    setChosen(id);
  };
  return (
    <StaffPage title="Agent B desk" standing={standing}>
      {fault && <Notice>{fault}</Notice>}
      {session?.is_local && people.length > 0 && <DeskChoice people={people} onChoose={choose} />}
      {session && people.length === 0 && (
        <Card>
          <p className="text-soft">Nobody on the roster is a person: add an entry with kind = "human".</p>
        </Card>
      )}
    </StaffPage>
  );
}
