import { expect, test } from "vitest";
import { Emulator } from "./emulator";

/** An emulator without a place, and what it has typed. */
function emulated() {
  const typed: unknown[] = [];
  const emulator = new Emulator({
    typed: (keys) => typed.push(keys),
    titled: () => {},
    pointed: () => {},
    found: () => {},
    wantsSearch: () => {},
    leaves: () => {},
  });
  const shows = (output: string) =>
    new Promise<void>((taken) => emulator.write(new TextEncoder().encode(output), taken));
  return { emulator, typed, shows };
}

test("an arrow of the key bar is what the program asked arrows to be", async () => {
  const { emulator, typed, shows } = emulated();
  emulator.press("\x1b[A");
  await shows("\x1b[?1h");
  for (const key of ["\x1b[A", "\x1b[D", "\x1b", "\t"]) emulator.press(key);
  await shows("\x1b[?1l");
  emulator.press("\x1b[A");
  expect(typed).toEqual(["\x1b[A", "\x1bOA", "\x1bOD", "\x1b", "\t", "\x1b[A"]);
});
