/** Tells what xterm.js emits because of output, which answers a program, from what a person types or points at. */

export type Keys = string | Uint8Array;

export class Emitted {
  private readonly held: Keys[] = [];
  private readonly typed: (keys: Keys) => void;
  private readonly answered: (keys: Keys) => void;

  constructor(to: { typed: (keys: Keys) => void; answered: (keys: Keys) => void }) {
    this.typed = to.typed;
    this.answered = to.answered;
  }

  /** xterm.js emits `keys`. */
  take(keys: Keys): void {
    this.held.push(keys);
    // A piece of output is drawn in one go, up to its `drawn`: what is still held after that is nobody's answer.
    queueMicrotask(() => this.settle());
  }

  /** Nothing is being drawn: what is held is from the person. */
  settle(): void {
    this.pass(this.typed);
  }

  /** A piece of output has been drawn: what is held was emitted because of it. */
  drawn(): void {
    this.pass(this.answered);
  }

  private pass(to: (keys: Keys) => void): void {
    for (const keys of this.held.splice(0)) to(keys);
  }
}
