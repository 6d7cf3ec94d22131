import { expect, test } from "vitest";
import { Emulator } from "./emulator";

/** An emulator without a place, and what it has typed. */
function emulated() {
  const typed: unknown[] = [];
  const answered: unknown[] = [];
  const emulator = new Emulator({
    typed: (keys) => typed.push(keys),
    answered: (keys) => answered.push(keys),
    titled: () => {},
    pointed: () => {},
    found: () => {},
    wantsSearch: () => {},
    leaves: () => {},
  });
  const shows = (output: string) =>
    new Promise<void>((taken) => emulator.write(new TextEncoder().encode(output), taken));
  return { emulator, typed, answered, shows };
}

test("an arrow of the key bar is what the program asked arrows to be", async () => {
  const { emulator, typed, shows } = emulated();
  emulator.press("\x1b[A");
  await shows("\x1b[?1h");
  for (const key of ["\x1b[A", "\x1b[D", "\x1b", "\t"]) emulator.press(key);
  await shows("\x1b[?1l");
  emulator.press("\x1b[A");
  await shows("");
  expect(typed).toEqual(["\x1b[A", "\x1bOA", "\x1bOD", "\x1b", "\t", "\x1b[A"]);
});

test("a focus report that old output asks for is not typed", async () => {
  const { typed, answered, shows } = emulated();
  await shows("an editor was here \x1b[?1004h and left \x1b[?1004l and came \x1b[?1004h");
  expect([...typed, ...answered]).toEqual([]);
});

test("keys and answers are told apart while output is drawn", async () => {
  const { emulator, typed, answered, shows } = emulated();
  emulator.holdCtrl(() => typed.push("held no more"));
  await shows("\x1b[6n");
  emulator.press("c");
  const more = shows("\x1b[?1004h\x1b[5n");
  emulator.press("\x1b[I");
  await more;
  expect(typed).toEqual(["held no more", "\x03", "\x1b[I"]);
  expect(answered).toEqual(["\x1b[1;1R", "\x1b[0n"]);
});
