import { expect, test } from "vitest";
import { MAX_LINE, SseParser } from "./sse";

const STREAM =
  ': watching after 7\nid: 7\n\nid: 8\nevent: vm\ndata: {"a":\ndata: 1}\n\n: \n\ndata: x\r\n\r\n';

test("events are read however the stream is cut", () => {
  const whole = new SseParser().push(STREAM);
  expect(whole).toEqual([
    { id: "7", event: "message", data: "" },
    { id: "8", event: "vm", data: '{"a":\n1}' },
    { id: null, event: "message", data: "x" },
  ]);
  for (let at = 1; at < STREAM.length; at += 1) {
    const parser = new SseParser();
    expect([...parser.push(STREAM.slice(0, at)), ...parser.push(STREAM.slice(at))]).toEqual(whole);
  }
});

test("a line without an end is not gathered for ever", () => {
  const parser = new SseParser();
  expect(() => parser.push(`data: ${"x".repeat(MAX_LINE)}`)).toThrow();
});
