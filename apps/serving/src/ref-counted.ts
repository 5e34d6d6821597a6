/** A value with several holders. It is freed when the last holder releases it. */
export class RefCounted<Value> {
  readonly value: Value;
  readonly #free: (value: Value) => void | Promise<void>;
  /** The creator is the first holder. */
  #holders = 1;

  constructor(value: Value, free: (value: Value) => void | Promise<void>) {
    this.value = value;
    this.#free = free;
  }

  /** Adds a holder, who must {@link release} the value. */
  hold(): this {
    if (this.#holders === 0) throw new Error('Cannot hold a value that has been freed.');
    this.#holders++;
    return this;
  }

  /** Removes a holder. Call it once for each {@link hold}, and once for the creator. */
  async release(): Promise<void> {
    if (this.#holders === 0) throw new Error('Cannot release a value that has been freed.');
    if (--this.#holders === 0) await this.#free(this.value);
  }
}

const cooldownMs = 60_000;

/** Remembers recent failures by name, so that they are not retried for a minute. */
export class Cooldown {
  readonly #until = new Map<string, number>();
  readonly #clock: () => number;

  /** @param clock in milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    return this.#clock() < (this.#until.get(name) ?? 0);
  }

  /** Starts the cooldown of a name. */
  start(name: string): void {
    const now = this.#clock();
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other);
    this.#until.set(name, now + cooldownMs);
  }
}
