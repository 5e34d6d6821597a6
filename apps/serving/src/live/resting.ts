/** How long what failed is left alone. */
const restMs = 60_000;

/** What failed a short while ago, and is not tried again yet. */
export class Resting {
  readonly #until = new Map<string, number>();
  readonly #clock: () => number;

  /** @param clock in milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    return this.#clock() < (this.#until.get(name) ?? 0);
  }

  /** It has failed just now. */
  add(name: string): void {
    const now = this.#clock();
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other);
    this.#until.set(name, now + restMs);
  }
}
