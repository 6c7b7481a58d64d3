import { describe, expect, it } from "vitest";
import { readArmOrder, readHold, readMoveOrder } from "./wire";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("what comes over the wire", () => {
  it("is a move order only with a token and a room", () => {
    expect(readMoveOrder('{"token": "t", "room": "final-1"}')).toEqual({ token: "t", room: "final-1" });
    for (const payload of [
      "",
      "null",
      "[]",
      '{"token": "t"}',
      '{"token": "", "room": "r"}',
      '{"token": 1, "room": "r"}',
    ]) {
      expect(readMoveOrder(payload)).toBeNull();
    }
  });

  it("is an order to come ahead only with a time to wait", () => {
    const order = readArmOrder('{"token": "t", "room": "final-1", "wait_s": 110}');
    expect(order).toEqual({ token: "t", room: "final-1", waitS: 110 });
    for (const payload of ["", '{"token": "t", "room": "r"}', '{"token": "t", "room": "r", "wait_s": 0}']) {
      expect(readArmOrder(payload)).toBeNull();
    }
  });

  it("is a hold only when it says whether", () => {
    expect([
      readHold(bytes('{"type":"hold","is_held":true}')),
      readHold(bytes('{"type":"hold","is_held":false}')),
    ]).toEqual([true, false]);
    for (const payload of ["", "7", '{"type":"hold"}', '{"type":"brief","is_held":true}']) {
      expect(readHold(bytes(payload))).toBeNull();
    }
  });
});
