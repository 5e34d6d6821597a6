import { openConnection } from './connection.ts';
import type { OnResponse, Connection } from './connection.ts';

/** Requests queue when all of these connections are busy. */
const connectionsMax = 512;

/** Pool of connections. Uses the longest idle one first, so that all serving processes receive requests. */
export class ConnectionPool {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #idle: Connection[] = [];
  readonly #waiting: { readonly request: Buffer; readonly onResponse: OnResponse }[] = [];
  #count = 0;

  constructor(url: URL) {
    this.#to = { host: url.hostname, port: Number(url.port) };
  }

  /** Opens connections in advance, so that no request waits for one. */
  async open(count: number): Promise<void> {
    while (this.#count < count) {
      this.#count++;
      this.#idle.push(await openConnection(this.#to));
    }
  }

  send(request: Buffer, onResponse: OnResponse): void {
    let connection = this.#idle.shift();
    while (connection?.isBroken === true) {
      this.#count--;
      connection = this.#idle.shift();
    }
    if (connection !== undefined) {
      this.#use(connection, request, onResponse);
      return;
    }
    this.#waiting.push({ request, onResponse });
    if (this.#count >= connectionsMax) return;
    this.#count++;
    void openConnection(this.#to).then(
      (opened) => this.#release(opened),
      () => {
        this.#count--;
        this.#waiting.shift()?.onResponse(0);
      },
    );
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
  }

  #use(connection: Connection, request: Buffer, onResponse: OnResponse): void {
    connection.send(request, (status) => {
      this.#release(connection);
      onResponse(status);
    });
  }

  #release(connection: Connection): void {
    if (connection.isBroken) {
      this.#count--;
      const next = this.#waiting.shift();
      if (next !== undefined) this.send(next.request, next.onResponse);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else this.#use(connection, next.request, next.onResponse);
  }
}
