import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { EMPTY, type Store, told } from "./calls_store";
import { LiveSocket, openWire, type Standing } from "./live_socket";
import type { Presence } from "./types";

export interface Live {
  store: Store;
  standing: Standing;
  setPresence: (presence: Presence) => void;
}

/**
 * What happens, live: all that this page may see, or only the calls that it names; nothing while `calls` is empty.
 *
 * A desk says of itself what it said last, at first `presence`; `agent` is the roster id that the local operator chose.
 */
export function useLive(calls: string[] | null, desk?: { agent: string | undefined; presence: Presence }): Live {
  const [store, tell] = useReducer(told, EMPTY);
  const [standing, setStanding] = useState<Standing>("connecting");
  const socket = useRef<LiveSocket>(null);
  const presence = useRef<Presence>(desk?.presence ?? "away");
  const wanted = calls?.join(" ") ?? null;
  const isDesk = desk !== undefined;
  const agent = desk?.agent;
  const clientId = useMemo(() => `page-${crypto.randomUUID()}`, []);
  useEffect(() => {
    if (wanted === "") return;
    const opened = new LiveSocket({
      calls: wanted?.split(" ") ?? null,
      ...(isDesk ? { desk: { ...(agent ? { agent } : {}), presence: presence.current } } : {}),
      open: () => openWire(clientId),
      onTold: tell,
      onStanding: setStanding,
    });
    socket.current = opened;
    return () => opened.close();
  }, [wanted, isDesk, agent, clientId]);
  const setPresence = useCallback((next: Presence) => {
    presence.current = next;
    socket.current?.setPresence(next);
  }, []);
  return { store, standing, setPresence };
}
