import { describe, expect, it } from "vitest";
import { keepPresence, keptPresence } from "./kept_presence";

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as Storage;
}

describe("a desk's presence", () => {
  it("is away until something was said", () => {
    expect(keptPresence("dana", storage())).toBe("away");
  });

  it("is what was said last, of each person's own", () => {
    const kept = storage();
    keepPresence("dana", "busy", kept);
    keepPresence("dana", "available", kept);
    expect([keptPresence("dana", kept), keptPresence("robin", kept)]).toEqual(["available", "away"]);
  });

  it("is away if something else was written there", () => {
    const kept = storage();
    kept.setItem("presence of dana", "asleep");
    expect(keptPresence("dana", kept)).toBe("away");
  });
});
