import { setTimeout as delay } from 'node:timers/promises';
import { problemError } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import type { Announcement, SupervisorMessage, WorkerMessage, WorkerRole } from './messages.ts';
import type { Peers } from './peers.ts';

/** The channel to the process that supervises this one. */
export interface WorkerChannel {
  send(message: WorkerMessage): void;
  /** @param listener is told of every message from now on. */
  listen(listener: (message: SupervisorMessage) => void): void;
}

/** How much of what was counted is lost at most when the process is killed. */
const metricsEveryMs = 1_000;

/** A worker's side of the supervision. */
export interface Worker {
  /** Settles with what it is told to be. */
  readonly role: Promise<WorkerRole>;
  announce(message: Announcement): void;
  /** Makes its metrics known to the others, and theirs to it. */
  join(metrics: Pick<HttpMetrics, 'registry'>): Peers;
  /** Tells what it has counted last. */
  leave(): Promise<void>;
}

/** @param close is called when it is told to end. */
export function connectWorker(channel: WorkerChannel, close: () => void): Worker {
  const turns: (() => void)[] = [];
  const answers = new Map<number, (text: string) => void>();
  let questions = 0;
  let isAllReady = false;
  let takeRole: (role: WorkerRole) => void = () => undefined;
  const role = new Promise<WorkerRole>((resolve) => (takeRole = resolve));
  let metrics: Pick<HttpMetrics, 'registry'> | undefined;

  async function tellMetrics(question?: number): Promise<void> {
    if (metrics === undefined) return;
    const values = await metrics.registry.getMetricsAsJSON();
    channel.send({ type: 'metrics', metrics: values, ...(question === undefined ? {} : { question }) });
  }

  async function tellMetricsAgainAndAgain(): Promise<void> {
    for (;;) {
      await delay(metricsEveryMs, undefined, { ref: false });
      await tellMetrics();
    }
  }

  channel.listen((message) => {
    switch (message.type) {
      case 'role':
        isAllReady = message.role.isAllReady;
        takeRole(message.role);
        break;
      case 'all-ready':
        isAllReady = true;
        break;
      case 'turn':
        turns.shift()?.();
        break;
      case 'metrics-wanted':
        void tellMetrics(message.question);
        break;
      case 'joined-metrics':
        answers.get(message.question)?.(message.text);
        answers.delete(message.question);
        break;
      case 'close':
        close();
        break;
    }
  });
  channel.send({ type: 'hello' });

  return {
    role,
    announce: (message) => channel.send(message),
    leave: () => tellMetrics(),
    join(own) {
      metrics = own;
      void tellMetricsAgainAndAgain();
      return {
        takeTurn: (signal) =>
          new Promise((resolve) => {
            const end = (): void => channel.send({ type: 'turn-over' });
            turns.push(() => (signal.aborted ? end() : resolve(end)));
            signal.addEventListener('abort', () => resolve(undefined), { once: true });
            channel.send({ type: 'turn-wanted' });
          }),
        readMetrics: () =>
          new Promise((resolve) => {
            const question = questions++;
            answers.set(question, resolve);
            channel.send({ type: 'joined-metrics-wanted', question });
          }),
        requireReady() {
          if (!isAllReady) throw problemError('NOT_READY', 'Not all processes have loaded the bundle.');
        },
      };
    },
  };
}
