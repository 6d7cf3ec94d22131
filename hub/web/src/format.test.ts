import { expect, test } from "vitest";
import { ago, bytes, duration, percent, time, usage } from "./format";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [2 ** 30, "1 GiB"],
  [123.4 * 2 ** 30, "123 GiB"],
  [null, "–"],
])("%s bytes are %s", (count, written) => {
  expect(bytes(count)).toBe(written);
});

test("usage is told in the unit of the whole", () => {
  expect(usage(512 * 2 ** 20, 2 * 2 ** 30)).toBe("0.5 / 2 GiB");
  expect(usage(0, 0)).toBe("0 / 0 B");
});

test("a percentage stays within its bounds", () => {
  expect([percent(1, 3), percent(5, 4), percent(-1, 4), percent(1, 0)]).toEqual([33, 100, 0, 0]);
});

test("lengths of time have two units at most", () => {
  expect([12, 61, 3600, 7500, 90_000, 864_000].map(duration)).toEqual([
    "12 s",
    "1 min",
    "1 h",
    "2 h 5 min",
    "1 d 1 h",
    "10 d",
  ]);
  expect([ago(1), ago(59), ago(7200), ago(-5)]).toEqual(["now", "59 s ago", "2 h ago", "now"]);
});

test("a time without a zone is UTC, as the documented API writes it", () => {
  expect(time("2026-11-22T01:02:03")).toBe(Date.UTC(2026, 10, 22, 1, 2, 3));
  expect(time("2026-11-22T01:02:03.5+01:00")).toBe(Date.UTC(2026, 10, 22, 0, 2, 3, 500));
});
