import cluster from 'node:cluster';
import type { Worker as ClusterWorker } from 'node:cluster';
import { countRequestsOfWorkers } from '@facet/http';
import { closeOnSignal, toSentError } from '@facet/platform';
import type { Announcement, Logger } from '@facet/platform';
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { Jobs } from '../comparisons/jobs.ts';
import type {
  RegistryMetrics,
  Reply,
  SupervisorMessage,
  WorkerMessage,
  WorkerRequest,
  WorkerRole,
} from './messages.ts';

interface SupervisorOptions {
  readonly processes: number;
  /** Time for workers to close. */
  readonly closeDelayMs: number;
  readonly logger: Logger;
  readonly announce: (message: Announcement) => void;
}

/** Delay before an ended worker is replaced. It doubles each time the worker ends again soon. */
const backoffMs = { first: 100, most: 10_000 } as const;
/** A worker that was ready for this long did not fail for the same reason as its predecessor. */
const stableMs = 60_000;
/** A busy worker does not delay a scrape for longer. */
const metricsTimeoutMs = 1_000;

interface Slot {
  process: ClusterWorker | undefined;
  failures: number;
  readySince: number | undefined;
  hasBeenReady: boolean;
  replacement: NodeJS.Timeout | undefined;
}

/**
 * Runs several workers on one port. The supervisor serves no requests. It starts and replaces workers, aggregates their
 * metrics, and lets one worker at a time load a bundle. It owns the jobs, so that any worker can return their results. If a
 * worker ends before it is ready, the supervisor ends all workers with its exit code.
 */
class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #jobs: Jobs;
  readonly #slots: readonly Slot[];
  readonly #joined = new JoinedMetrics<ClusterWorker>();
  readonly #own = new Registry();
  readonly #restarts: Counter;
  /** The worker that loads a bundle, then those that wait. */
  readonly #slotQueue: { readonly worker: ClusterWorker; readonly grant: () => void }[] = [];
  readonly #requests = new Map<number, () => void>();
  #requestCount = 0;
  #isListening = false;
  #isAllReady = false;
  #exitCode = 0;
  #isClosing = false;
  #end: (exitCode: number) => void = () => undefined;
  /** Resolves when all workers have ended: with 0, or the exit code of a failed worker. */
  readonly ended: Promise<number>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#jobs = new Jobs(options.logger);
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const registers = [this.#own];
    const ready = (): number => this.#slots.filter(({ readySince }) => readySince !== undefined).length;
    new Gauge({
      name: 'facet_serving_workers',
      help: 'Processes that serve requests on this port.',
      registers,
      collect() {
        this.set(ready());
      },
    });
    this.#restarts = new Counter({
      name: 'facet_serving_worker_restarts_total',
      help: 'Processes that ended unexpectedly and were replaced.',
      registers,
    });
    this.#slots = Array.from({ length: options.processes }, () => ({
      process: undefined,
      failures: 0,
      readySince: undefined,
      hasBeenReady: false,
      replacement: undefined,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#fork(slot);
  }

  /** Asks all workers to finish their requests and end, and kills those that take too long. Resolves as {@link ended}. */
  close(): Promise<number> {
    if (this.#isClosing) return this.ended;
    this.#isClosing = true;
    void this.#jobs.close();
    for (const { process, replacement } of this.#slots) {
      clearTimeout(replacement);
      sendTo(process, { type: 'close' });
    }
    setTimeout(() => {
      for (const { process } of this.#slots) process?.process.kill('SIGKILL');
    }, this.#options.closeDelayMs).unref();
    this.#endIfAllEnded();
    return this.ended;
  }

  #endIfAllEnded(): void {
    if (this.#isClosing && this.#slots.every(({ process }) => process === undefined)) this.#end(this.#exitCode);
  }

  #fork(slot: Slot): void {
    const worker = cluster.fork();
    closeUnacceptedConnections(worker);
    // Sending to a worker that is ending emits an error. The exit handler reports the cause.
    worker.on('error', () => undefined);
    slot.process = worker;
    worker.on('message', (message) => this.#onMessage(slot, worker, message as WorkerMessage));
    worker.once('exit', (code, signal) => this.#onExit(slot, worker, { code, signal }));
  }

  #onMessage(slot: Slot, worker: ClusterWorker, message: WorkerMessage): void {
    switch (message.type) {
      case 'listening':
        this.#onListening(message);
        break;
      case 'ready':
        this.#onReady(slot, message);
        break;
      case 'load-slot-released':
        this.#releaseSlot(worker);
        break;
      case 'metrics':
        this.#joined.update(worker, message.metrics);
        if (message.requestId !== undefined) this.#requests.get(message.requestId)?.();
        break;
      case 'request':
        void this.#reply(slot, worker, message.request).then((reply) =>
          sendTo(worker, { type: 'reply', requestId: message.requestId, reply }),
        );
        break;
    }
  }

  async #reply(slot: Slot, worker: ClusterWorker, request: WorkerRequest): Promise<Reply> {
    try {
      return { value: await this.#answer(slot, worker, request) };
    } catch (error) {
      return { error: toSentError(error) };
    }
  }

  #answer(slot: Slot, worker: ClusterWorker, request: WorkerRequest): unknown {
    switch (request.for) {
      case 'role':
        if (this.#isClosing) sendTo(worker, { type: 'close' });
        return this.#roleOf(slot);
      case 'load-slot':
        return new Promise<void>((grant) => {
          this.#slotQueue.push({ worker, grant });
          if (this.#slotQueue.length === 1) grant();
        });
      case 'joined-metrics':
        return this.#joinMetrics();
      case 'job':
        return this.#jobs.run(request.task, request.waitMs);
    }
  }

  #roleOf(slot: Slot): WorkerRole {
    const isFirst = slot === this.#slots[0] && !this.#slots.some(({ hasBeenReady }) => hasBeenReady);
    return {
      number: this.#slots.indexOf(slot),
      listens: isFirst ? 'immediately' : 'when loaded',
      isAllReady: this.#isAllReady,
    };
  }

  #onListening(message: Announcement): void {
    if (!this.#isListening) this.#options.announce(message);
    this.#isListening = true;
  }

  #onReady(slot: Slot, message: Announcement): void {
    slot.readySince = performance.now();
    slot.hasBeenReady = true;
    if (this.#isAllReady || !this.#slots.every(({ hasBeenReady }) => hasBeenReady)) return;
    this.#isAllReady = true;
    for (const { process } of this.#slots) sendTo(process, { type: 'all-ready' });
    this.#options.announce(message);
  }

  #releaseSlot(worker: ClusterWorker): void {
    const position = this.#slotQueue.findIndex((waiting) => waiting.worker === worker);
    if (position < 0) return;
    this.#slotQueue.splice(position, 1);
    if (position === 0) this.#slotQueue[0]?.grant();
  }

  async #joinMetrics(): Promise<string> {
    await Promise.all(this.#slots.map(async ({ process }) => process && this.#requestMetrics(process)));
    return this.#joined.join(await this.#own.getMetricsAsJSON());
  }

  /** Resolves when the worker has sent its metrics, or after a timeout. */
  async #requestMetrics(process: ClusterWorker): Promise<void> {
    const requestId = this.#requestCount++;
    await new Promise<void>((resolve) => {
      this.#requests.set(requestId, resolve);
      setTimeout(resolve, metricsTimeoutMs).unref();
      sendTo(process, { type: 'metrics-requested', requestId });
    });
    this.#requests.delete(requestId);
  }

  #onExit(
    slot: Slot,
    worker: ClusterWorker,
    { code, signal }: { readonly code: number | null; readonly signal: string | null },
  ): void {
    const { logger } = this.#options;
    const wasStable = slot.readySince !== undefined && performance.now() - slot.readySince >= stableMs;
    slot.process = undefined;
    slot.readySince = undefined;
    while (this.#slotQueue.some((waiting) => waiting.worker === worker)) this.#releaseSlot(worker);
    this.#joined.end(worker);
    if (this.#isClosing) {
      if (this.#exitCode === 0) this.#exitCode = code ?? 1;
      this.#endIfAllEnded();
      return;
    }
    if (!slot.hasBeenReady) {
      logger.error(
        { worker: worker.process.pid, code, signal },
        'a worker ended before it was ready: ending all workers',
      );
      this.#exitCode = code || 1;
      void this.close();
      return;
    }
    slot.failures = wasStable ? 0 : slot.failures + 1;
    const ms = Math.min(backoffMs.most, backoffMs.first * 2 ** Math.max(0, slot.failures - 1));
    logger.error({ worker: worker.process.pid, code, signal, replacedAfterMs: ms }, 'a worker has ended: replacing it');
    this.#restarts.inc();
    slot.replacement = setTimeout(() => this.#fork(slot), ms);
  }
}

/**
 * Aggregates the metrics of several processes: counts are added, and gauges follow their `aggregator`. The counts of an ended
 * process stay, because a decreasing sum would look like a restart of the whole server.
 */
export class JoinedMetrics<Process> {
  readonly #latest = new Map<Process, RegistryMetrics>();
  #ofEnded: Promise<RegistryMetrics> = Promise.resolve([]);

  update(process: Process, metrics: RegistryMetrics): void {
    this.#latest.set(process, metrics);
  }

  /** Keeps the counts of an ended process and drops its gauges. */
  end(process: Process): void {
    const counts = (this.#latest.get(process) ?? []).filter(({ type }) => isCount(String(type)));
    this.#latest.delete(process);
    this.#ofEnded = this.#ofEnded.then((before) => AggregatorRegistry.aggregate([before, counts]).getMetricsAsJSON());
  }

  /** @param own the metrics of the supervisor. */
  async join(own: RegistryMetrics): Promise<string> {
    const ofEnded = await this.#ofEnded;
    return AggregatorRegistry.aggregate([...this.#latest.values(), ofEnded, own]).metrics();
  }
}

function isCount(type: string): boolean {
  return type === 'counter' || type === 'histogram' || type === 'summary';
}

/** Lets a worker's own timeout expire before the supervisor kills it. */
const marginMs = 2_000;

/**
 * Runs this program in several worker processes. The supervisor accepts connections and hands them to the workers in turn.
 *
 * @returns the exit code, when all workers have ended.
 */
export async function runSupervisor({ closeDelayMs, ...options }: SupervisorOptions): Promise<number> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  countRequestsOfWorkers();
  const supervisor = new Supervisor({ ...options, closeDelayMs: closeDelayMs + marginMs });
  closeOnSignal(
    async () => {
      const exitCode = await supervisor.close();
      if (exitCode !== 0) process.exit(exitCode);
    },
    { logger: options.logger, delayMs: closeDelayMs + 2 * marginMs },
  );
  supervisor.start();
  return supervisor.ended;
}

/**
 * Closes the connections that a killed worker has not accepted, so that their callers can retry. `cluster` keeps such a connection open
 * without a reader, and its caller would wait until its own timeout. `cluster` has no event for it, so this reads its messages:
 * `newconn` hands a connection over, and `ack` accepts it.
 */
function closeUnacceptedConnections({ process: child }: ClusterWorker): void {
  const unaccepted = new Map<number, { close(): void }>();
  const send = child.send.bind(child) as (...values: unknown[]) => boolean;
  child.send = (...values: unknown[]): boolean => {
    const [message, connection] = values as [{ act?: string; seq: number }, { close(): void } | undefined];
    if (message.act === 'newconn' && connection !== undefined) unaccepted.set(message.seq, connection);
    return send(...values);
  };
  child.on('internalMessage', ({ ack }: { ack?: number }) => {
    if (ack !== undefined) unaccepted.delete(ack);
  });
  child.once('exit', () => {
    for (const connection of unaccepted.values()) connection.close();
  });
}

/** An ending worker has no channel. The supervisor handles its exit. */
function sendTo(worker: ClusterWorker | undefined, message: SupervisorMessage): void {
  if (worker?.isConnected() === true) worker.send(message, () => undefined);
}
