import { openLane } from './lane.ts';
import type { Answered, Lane } from './lane.ts';

/** So many connections are opened at most; what comes while all are busy waits for one. */
const lanesMax = 512;

/** Connections that requests are sent over, the one that has rested longest first, so that all processes of a server get their share. */
export class Lanes {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #idle: Lane[] = [];
  readonly #waiting: { readonly request: Buffer; readonly answered: Answered }[] = [];
  #count = 0;

  constructor(url: URL) {
    this.#to = { host: url.hostname, port: Number(url.port) };
  }

  /** Opens connections beforehand, so that no request waits for one. */
  async open(count: number): Promise<void> {
    while (this.#count < count) {
      this.#count++;
      this.#idle.push(await openLane(this.#to));
    }
  }

  send(request: Buffer, answered: Answered): void {
    let lane = this.#idle.shift();
    while (lane?.isBroken === true) {
      this.#count--;
      lane = this.#idle.shift();
    }
    if (lane !== undefined) {
      this.#use(lane, request, answered);
      return;
    }
    this.#waiting.push({ request, answered });
    if (this.#count >= lanesMax) return;
    this.#count++;
    void openLane(this.#to).then(
      (opened) => this.#rest(opened),
      () => {
        this.#count--;
        this.#waiting.shift()?.answered(0);
      },
    );
  }

  close(): void {
    for (const lane of this.#idle) lane.close();
  }

  #use(lane: Lane, request: Buffer, answered: Answered): void {
    lane.send(request, (status) => {
      this.#rest(lane);
      answered(status);
    });
  }

  #rest(lane: Lane): void {
    if (lane.isBroken) {
      this.#count--;
      const next = this.#waiting.shift();
      if (next !== undefined) this.send(next.request, next.answered);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(lane);
    else this.#use(lane, next.request, next.answered);
  }
}
