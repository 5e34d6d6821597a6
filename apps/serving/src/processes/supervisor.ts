import type { Logger } from '@facet/platform';
import { Counter, Gauge, Registry } from 'prom-client';
import { JoinedMetrics } from './joined-metrics.ts';
import type { Announcement, SupervisorMessage, WorkerMessage, WorkerRole } from './messages.ts';

/** A process that answers, as whoever supervises it sees it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  send(message: SupervisorMessage): void;
  kill(signal: NodeJS.Signals): void;
  onMessage(listener: (message: WorkerMessage) => void): void;
  /** @param listener is told the exit code, and that a signal ended it. */
  onExit(listener: (code: number | null, signal: string | null) => void): void;
}

export interface SupervisorDeps {
  readonly fork: () => WorkerProcess;
  readonly announce: (message: Announcement) => void;
  readonly logger: Logger;
  /** A clock in milliseconds that only goes forward. */
  readonly clock?: () => number;
}

export interface SupervisorOptions {
  readonly processes: number;
  /** How long workers that close are waited for. */
  readonly closeDelayMs: number;
}

/** After its end a worker is replaced after so long, twice as long each time it ends again soon. */
const restMs = { first: 100, most: 10_000 } as const;
/** A worker that has been ready for so long did not fail for the reason of the one before. */
const soundMs = 60_000;
/** A worker that is busy does not keep a scrape from what the others have. */
const metricsPatienceMs = 1_000;

interface Slot {
  process: WorkerProcess | undefined;
  failures: number;
  readySince: number | undefined;
  hasBeenReady: boolean;
  resting: NodeJS.Timeout | undefined;
}

/**
 * Keeps several processes answering on one port. It answers nothing itself: it starts the workers, replaces one that has
 * ended, lets one at a time load a bundle, and adds up their metrics. One that fails before it was ever ready would fail again:
 * then all are ended, and its exit code is that of the whole.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #options: SupervisorOptions;
  readonly #clock: () => number;
  readonly #slots: readonly Slot[];
  readonly #joined = new JoinedMetrics<WorkerProcess>();
  readonly #own = new Registry();
  readonly #restarts: Counter;
  /** Who loads, and who waits to. */
  readonly #turns: WorkerProcess[] = [];
  readonly #questions = new Map<number, () => void>();
  #questionCount = 0;
  #isListening = false;
  #isAllReady = false;
  #exitCode = 0;
  #isClosing = false;
  #end: (exitCode: number) => void = () => undefined;
  /** Settles when all have ended: with 0, or the exit code of one that failed. */
  readonly ended: Promise<number>;

  constructor(options: SupervisorOptions, deps: SupervisorDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#clock = deps.clock ?? (() => performance.now());
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const registers = [this.#own];
    const ready = (): number => this.#slots.filter(({ readySince }) => readySince !== undefined).length;
    new Gauge({
      name: 'facet_serving_workers',
      help: 'Processes that answer on this port.',
      registers,
      collect() {
        this.set(ready());
      },
    });
    this.#restarts = new Counter({
      name: 'facet_serving_worker_restarts_total',
      help: 'Processes that ended by themselves, or were killed, and were replaced.',
      registers,
    });
    this.#slots = Array.from({ length: options.processes }, () => ({
      process: undefined,
      failures: 0,
      readySince: undefined,
      hasBeenReady: false,
      resting: undefined,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#fork(slot);
  }

  /** Tells all workers to finish what is under way and end. Settles as {@link ended}, by force after a while. */
  close(): Promise<number> {
    this.#close();
    return this.ended;
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    for (const { process, resting } of this.#slots) {
      clearTimeout(resting);
      process?.send({ type: 'close' });
    }
    setTimeout(() => {
      for (const { process } of this.#slots) process?.kill('SIGKILL');
    }, this.#options.closeDelayMs).unref();
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (this.#isClosing && this.#slots.every(({ process }) => process === undefined)) this.#end(this.#exitCode);
  }

  #fork(slot: Slot): void {
    const worker = this.#deps.fork();
    slot.process = worker;
    worker.onMessage((message) => this.#hear(slot, worker, message));
    worker.onExit((code, signal) => this.#onExit(slot, worker, { code, signal }));
  }

  #hear(slot: Slot, worker: WorkerProcess, message: WorkerMessage): void {
    switch (message.type) {
      case 'hello':
        worker.send({ type: 'role', role: this.#roleOf(slot) });
        if (this.#isClosing) worker.send({ type: 'close' });
        break;
      case 'listening':
        this.#onListening(message);
        break;
      case 'ready':
        this.#onReady(slot, message);
        break;
      case 'turn-wanted':
        this.#turns.push(worker);
        if (this.#turns.length === 1) worker.send({ type: 'turn' });
        break;
      case 'turn-over':
        this.#endTurn(worker);
        break;
      case 'metrics':
        this.#joined.update(worker, message.metrics);
        if (message.question !== undefined) this.#questions.get(message.question)?.();
        break;
      case 'joined-metrics-wanted':
        void this.#joinMetrics().then((text) =>
          worker.send({ type: 'joined-metrics', question: message.question, text }),
        );
        break;
    }
  }

  #roleOf(slot: Slot): WorkerRole {
    const isFirst = slot === this.#slots[0] && !this.#slots.some(({ hasBeenReady }) => hasBeenReady);
    return { listens: isFirst ? 'at once' : 'when loaded', isAllReady: this.#isAllReady };
  }

  #onListening(message: Announcement): void {
    if (!this.#isListening) this.#deps.announce(message);
    this.#isListening = true;
  }

  #onReady(slot: Slot, message: Announcement): void {
    slot.readySince = this.#clock();
    slot.hasBeenReady = true;
    if (this.#isAllReady || !this.#slots.every(({ hasBeenReady }) => hasBeenReady)) return;
    this.#isAllReady = true;
    for (const { process } of this.#slots) process?.send({ type: 'all-ready' });
    this.#deps.announce(message);
  }

  #endTurn(worker: WorkerProcess): void {
    const position = this.#turns.indexOf(worker);
    if (position < 0) return;
    this.#turns.splice(position, 1);
    if (position === 0) this.#turns[0]?.send({ type: 'turn' });
  }

  async #joinMetrics(): Promise<string> {
    await Promise.all(this.#slots.map(({ process }) => process && this.#askForMetrics(process)));
    return this.#joined.join(await this.#own.getMetricsAsJSON());
  }

  /** Settles when a process has told its metrics, or does not. */
  async #askForMetrics(process: WorkerProcess): Promise<void> {
    const question = this.#questionCount++;
    await new Promise<void>((resolve) => {
      this.#questions.set(question, resolve);
      setTimeout(resolve, metricsPatienceMs).unref();
      process.send({ type: 'metrics-wanted', question });
    });
    this.#questions.delete(question);
  }

  #onExit(
    slot: Slot,
    worker: WorkerProcess,
    { code, signal }: { readonly code: number | null; readonly signal: string | null },
  ): void {
    const { logger } = this.#deps;
    const wasSound = slot.readySince !== undefined && this.#clock() - slot.readySince >= soundMs;
    slot.process = undefined;
    slot.readySince = undefined;
    this.#endTurn(worker);
    this.#joined.end(worker);
    if (this.#isClosing) {
      if (this.#exitCode === 0) this.#exitCode = code ?? 1;
      this.#endIfOver();
      return;
    }
    if (!slot.hasBeenReady) {
      logger.error({ worker: worker.pid, code, signal }, 'a worker ended before it was ready: all are ended');
      this.#exitCode = code || 1;
      this.#close();
      return;
    }
    slot.failures = wasSound ? 0 : slot.failures + 1;
    const ms = Math.min(restMs.most, restMs.first * 2 ** Math.max(0, slot.failures - 1));
    logger.error({ worker: worker.pid, code, signal, replacedAfterMs: ms }, 'a worker has ended, and is replaced');
    this.#restarts.inc();
    slot.resting = setTimeout(() => this.#fork(slot), ms);
  }
}
