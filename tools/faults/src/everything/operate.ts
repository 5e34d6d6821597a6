import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunReport } from '@facet/runs';
import { isAppError } from '@facet/platform';
import type { ShopHome } from '../refresh/shop-home.ts';
import type { Installation } from './installation.ts';

export interface OperateOptions {
  readonly choose: (bound: number) => number;
  readonly isOver: () => boolean;
}

/** Longer than a run that is killed in each stage. */
const runSeconds = 1_200;
const pauseMs = { min: 20_000, spread: 60_000 };
const cli = join(import.meta.dirname, '../../../../apps/cli/dist/main.js');
/** The exit code if a service does not respond. */
const unavailable = 5;

/** Refreshes the last day of the shop again and again, and adds the reports to `runs`. Each run reads the events that have arrived since. */
export async function refreshUntil(
  { home, request, ended }: Installation,
  runs: RunReport[],
  { choose, isOver }: OperateOptions,
): Promise<void> {
  while (!isOver()) {
    const runId = await request(true).catch(async (error: unknown) => {
      // The run is recorded, and gets its jobs when Redis is back.
      if (!isAppError(error, 'REFRESH_QUEUE_UNREACHABLE')) throw error;
      return (await home.runs.list())[0]!.run.runId;
    });
    runs.push(await ended(runId, runSeconds));
    await sleep(choose(5_000));
  }
}

/** Calls `operate` at random moments, including during runs. Ignores its error if S3 does not respond. */
export async function operateUntil(operate: () => Promise<void>, { choose, isOver }: OperateOptions): Promise<void> {
  for (let at = performance.now(); ; at += pauseMs.min + choose(pauseMs.spread)) {
    while (performance.now() < at) {
      if (isOver()) return;
      await sleep(200);
    }
    await operate().catch((error: unknown) => {
      const isUnavailable =
        isAppError(error, 'S3_UNREACHABLE') || (error as { readonly code?: unknown }).code === unavailable;
      if (!isUnavailable) throw error;
    });
  }
}

export async function rollBack(home: ShopHome): Promise<void> {
  const promoted = (await home.store.promotions()).filter(({ kind }) => kind === 'promote');
  // The first bundle has no previous one.
  if (promoted.length < 2) return;
  await facet(home, 'rollback', '--config', home.configFile, '--reason', 'fault suite');
}

/** Executes the pending erasures, among others. @param graceHours how long replaced files remain */
export async function compact(home: ShopHome, graceHours: number): Promise<void> {
  await facet(home, 'lake', 'compact', '--grace', String(graceHours));
}

/** Proves an erasure in all places that compactions clear. @throws Error with the output of `facet erasures verify`. */
export async function verifyErasure(home: ShopHome, userId: string): Promise<void> {
  // Kafka keeps records until their retention, and Redis keeps marks. Serving reads the lake only without Redis.
  await facet(home, 'erasures', 'verify', userId, '--without', 'kafka', 'machines', 'profiles', 'spool');
}

async function facet({ folder }: ShopHome, ...args: readonly string[]): Promise<void> {
  // The commands of other installations have temporary files in the folder of the system.
  const TMPDIR = await mkdtemp(join(dirname(folder), 'tmp-'));
  const env = { ...process.env, TMPDIR };
  const running = promisify(execFile)(process.execPath, [cli, ...args, '--home', folder], { env, timeout: 120_000 });
  await running.catch((error: unknown) => {
    const { stdout = '' } = error as { readonly stdout?: string };
    throw Object.assign(error as Error, { message: `${(error as Error).message}\n${stdout}` });
  });
}
