import { describe, expect, it } from "vitest";
import { FIRST_SOUND_TIMEOUT_MS, HEARD_TIMEOUT_MS, move, type NewRoom, OVERLAP_MS, SILENT_TIMEOUT_MS } from "./move";

/** Virtual time: the sleeper whose time is next goes on once everybody else waits. */
class Clock {
  now = 0;
  private sleepers: { at: number; wake: () => void }[] = [];

  sleep = (ms: number): Promise<void> => new Promise((wake) => this.sleepers.push({ at: this.now + ms, wake }));

  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const end = () => {
      isDone = true;
    };
    work.then(end, end);
    while (true) {
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      if (isDone) return work;
      this.sleepers.sort((one, other) => one.at - other.at);
      const next = this.sleepers.shift();
      if (!next) throw new Error("nobody will ever go on");
      this.now = next.at;
      next.wake();
    }
  }
}

const never = () => new Promise<never>(() => undefined);

function rooms(clock: Clock, changes: Partial<NewRoom> = {}) {
  const steps: string[] = [];
  const note = (step: string) => {
    steps.push(step);
  };
  const old = {
    fade: (isSilent: boolean) => note(isSilent ? "fade old" : "unfade old"),
    leave: async () => note("leave old"),
  };
  const next: NewRoom = {
    join: async () => {
      note("join");
      return "room-2";
    },
    publish: async () => note("publish"),
    firstSound: async () => note("hear"),
    companion: never,
    heard: async () => note("heard"),
    fade: () => undefined,
    leave: async () => note("leave new"),
    ...changes,
  };
  return { steps, run: () => clock.run(move(old, next, "room-2", clock.sleep)) };
}

describe("a move", () => {
  it("joins, publishes, hears and is heard before it leaves the old room", async () => {
    const clock = new Clock();
    const { steps, run } = rooms(clock);
    expect(await run()).toEqual({ moved: true });
    expect(steps).toEqual(["join", "publish", "hear", "fade old", "heard", "leave old"]);
    expect(clock.now).toBe(OVERLAP_MS);
  });

  it("leaves the old room no sooner than an overlap after it was heard in the new one", async () => {
    const clock = new Clock();
    let heardAt = 0;
    let leftAt = 0;
    const { run } = rooms(clock, {
      heard: async () => {
        await clock.sleep(700);
        heardAt = clock.now;
      },
    });
    await run();
    leftAt = clock.now;
    expect(heardAt).toBe(700);
    expect(leftAt - heardAt).toBe(OVERLAP_MS);
  });

  it("goes on when Agent B is there but silent", async () => {
    const clock = new Clock();
    const { steps, run } = rooms(clock, { firstSound: never, companion: async () => undefined });
    expect(await run()).toEqual({ moved: true });
    expect(steps).toEqual(["join", "publish", "heard", "leave old"]);
    expect(clock.now).toBe(SILENT_TIMEOUT_MS + OVERLAP_MS);
  });

  it.each([
    ["joining fails", { join: () => Promise.reject(new Error("refused")) }, "refused", 0],
    ["the token opens another room", { join: async () => "room-3" }, "the token opens another room", 0],
    ["the microphone can't be published", { publish: () => Promise.reject(new Error("no mic")) }, "no mic", 0],
    ["joining never ends", { join: never }, "could not join in 5000 ms", FIRST_SOUND_TIMEOUT_MS],
    ["nobody is in the new room", { firstSound: never }, "could not hear in 5000 ms", FIRST_SOUND_TIMEOUT_MS],
    ["nobody takes the microphone", { heard: never }, "could not be heard in 2000 ms", HEARD_TIMEOUT_MS],
  ] satisfies [
    string,
    Partial<NewRoom>,
    string,
    number,
  ][])("stays where it is when %s", async (_, changes, why, ms) => {
    const clock = new Clock();
    const { steps, run } = rooms(clock, changes);
    expect(await run()).toEqual({ moved: false, why });
    expect(steps.slice(-2)).toEqual(["unfade old", "leave new"]);
    expect(steps).not.toContain("leave old");
    expect(clock.now).toBe(ms);
  });

  it("stays even if the new room can't be left properly", async () => {
    const { run } = rooms(new Clock(), {
      heard: () => Promise.reject(new Error("gone")),
      leave: () => Promise.reject(new Error("closed")),
    });
    expect(await run()).toEqual({ moved: false, why: "gone" });
  });
});
