/** Something that several hold at a time, and that is freed when the last of them has let go of it. */
export class Shared<Value> {
  readonly value: Value;
  readonly #free: (value: Value) => void | Promise<void>;
  /** Whoever makes it is the first holder. */
  #holders = 1;

  constructor(value: Value, free: (value: Value) => void | Promise<void>) {
    this.value = value;
    this.#free = free;
  }

  /** One more holder, who must {@link release} it. */
  hold(): this {
    if (this.#holders === 0) throw new Error('What has been freed cannot be held.');
    this.#holders++;
    return this;
  }

  /** Once for each {@link hold}, and once by its maker. */
  async release(): Promise<void> {
    if (this.#holders === 0) throw new Error('What has been freed cannot be let go of again.');
    if (--this.#holders === 0) await this.#free(this.value);
  }
}
