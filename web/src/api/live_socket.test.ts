import { describe, expect, it } from "vitest";
import { LiveSocket, type LiveSocketOptions, type Standing, type Wire } from "./live_socket";

/** A server that numbers what it tells; a dropped connection loses what is told meanwhile, until the next hello. */
function stand(options: Partial<LiveSocketOptions> = {}) {
  const wires: (Wire & { sent: Record<string, unknown>[]; isClosed: boolean })[] = [];
  const pauses: number[] = [];
  const heard: number[] = [];
  const standings: Standing[] = [];
  let goOn: () => void = () => undefined;
  const open = () => {
    const sent: Record<string, unknown>[] = [];
    const wire = {
      sent,
      isClosed: false,
      onopen: null,
      onmessage: null,
      onclose: null,
      send: (text: string) => void sent.push(JSON.parse(text)),
      close: () => {
        wire.isClosed = true;
      },
    } as Wire & { sent: Record<string, unknown>[]; isClosed: boolean };
    wires.push(wire);
    return wire;
  };
  const socket = new LiveSocket({
    calls: null,
    open,
    onTold: (message) => heard.push(message.seq),
    onStanding: (standing) => standings.push(standing),
    after: (ms, call) => {
      pauses.push(ms);
      goOn = call;
      return () => {
        goOn = () => undefined;
      };
    },
    ...options,
  });
  const latest = () => {
    const wire = wires.at(-1);
    if (!wire) throw new Error("no connection");
    return wire;
  };
  return {
    socket,
    wires,
    pauses,
    heard,
    standings,
    latest,
    opened: () => latest().onopen?.(new Event("open")),
    tell: (seq: number, type = "call_status") =>
      latest().onmessage?.(
        new MessageEvent("message", { data: JSON.stringify({ type, seq, timestamp: 0, data: {} }) }),
      ),
    say: (data: unknown) => latest().onmessage?.(new MessageEvent("message", { data })),
    drop: (code = 1006) => latest().onclose?.({ code } as CloseEvent),
    goOn: () => goOn(),
  };
}

describe("the live socket", () => {
  it("begins without a number, so that it gets a snapshot", () => {
    const { opened, latest } = stand({ calls: ["c1"] });
    opened();
    expect(latest().sent).toEqual([{ type: "hello", last_seq: null, calls: ["c1"] }]);
  });

  it("comes back with the last number that it heard", () => {
    const { opened, tell, drop, goOn, latest, wires } = stand();
    opened();
    tell(7, "snapshot");
    tell(9);
    drop();
    goOn();
    opened();
    expect(wires).toHaveLength(2);
    expect(latest().sent[0]).toMatchObject({ last_seq: 9 });
  });

  it("hears nothing twice when the server tells again what was told before the drop", () => {
    const { opened, tell, drop, goOn, heard } = stand();
    opened();
    for (const seq of [3, 4]) tell(seq);
    drop();
    goOn();
    opened();
    for (const seq of [4, 5, 6]) tell(seq);
    expect(heard).toEqual([3, 4, 5, 6]);
  });

  it("takes a snapshot whatever its number: the server may have begun anew", () => {
    const { opened, tell, heard } = stand();
    opened();
    tell(90);
    tell(2, "snapshot");
    tell(3);
    expect(heard).toEqual([90, 2, 3]);
  });

  it("does not count who is there as something that happened", () => {
    const { opened, tell, drop, goOn, latest } = stand();
    opened();
    tell(5);
    tell(8, "agent_status");
    drop();
    goOn();
    opened();
    expect(latest().sent[0]).toMatchObject({ last_seq: 5 });
  });

  it("waits longer from failure to failure, and begins anew once something came", () => {
    const { opened, tell, drop, goOn, pauses } = stand();
    for (let failure = 0; failure < 6; failure += 1) {
      drop();
      goOn();
    }
    opened();
    tell(1);
    drop();
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 500]);
  });

  it("does not knock again where it is refused", () => {
    const { drop, pauses, standings } = stand();
    drop(4401);
    expect([pauses, standings.at(-1)]).toEqual([[], "refused"]);
  });

  it("says its presence at once, and again when it comes back", () => {
    const { socket, opened, tell, drop, goOn, latest } = stand({ desk: { agent: "dana", presence: "away" } });
    opened();
    tell(1, "snapshot");
    socket.setPresence("available");
    expect(latest().sent.at(-1)).toEqual({ type: "presence", presence: "available" });
    drop();
    goOn();
    opened();
    expect(latest().sent[0]).toMatchObject({ agent: "dana", presence: "available" });
  });

  it("stays closed", () => {
    const { socket, drop, goOn, wires, latest } = stand();
    socket.close();
    drop();
    goOn();
    expect([latest().isClosed, wires.length]).toEqual([true, 1]);
  });

  it("passes over what is no message", () => {
    const { opened, say, heard } = stand();
    opened();
    say("not json");
    say(JSON.stringify({ type: "call_status" }));
    say(new ArrayBuffer(2));
    expect(heard).toEqual([]);
  });
});
