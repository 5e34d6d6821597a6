import { problemError } from '@facet/http';
import { runJob } from '@facet/gate/compare';
import type { JobResult, JobTask } from '@facet/gate/compare';
import type { Logger } from '@facet/platform';

const keptMax = 20;
/** Jobs that run or wait. */
const unfinishedMax = 5;
/** Callers ask again within this time. */
const failureKeptMs = 30_000;

interface Job {
  readonly result: Promise<unknown>;
  progress: number;
  isFinished: boolean;
}

/** The result of a finished job, or the share of a job that is done. */
export interface JobState<Result = unknown> {
  readonly state: 'running' | 'finished';
  readonly progress: number;
  readonly result?: Result;
}

/**
 * Runs tasks in a dedicated process, one at a time, and keeps the newest results. The same task runs once: a further call joins it. A failed
 * task runs again after a caller has got the failure. The supervisor owns the jobs of all its workers. Without a supervisor, the serving process owns them.
 *
 * A job continues when its callers disconnect. They get the progress after a few seconds and ask again, so a job has no caller most of the time.
 */
export class Jobs {
  readonly #logger: Logger;
  readonly #jobs = new Map<string, Job>();
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Starts or joins a task and waits for its result.
   *
   * @param waitMs after which the caller gets the progress instead.
   * @throws AppError of the task, or `OVERLOADED` if too many tasks wait.
   */
  async run<Task extends JobTask>(task: Task, waitMs: number): Promise<JobState<JobResult<Task['kind']>>> {
    const key = JSON.stringify(task);
    const job = this.#jobs.get(key) ?? this.#start(key, task);
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    try {
      await Promise.race([job.result, waited]);
    } catch (error) {
      this.#forget(key, job);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (!job.isFinished) return { state: 'running', progress: job.progress };
    return { state: 'finished', progress: 1, result: (await job.result) as JobResult<Task['kind']> };
  }

  async close(): Promise<void> {
    this.#closing.abort(problemError('CLOSING', 'The server is closing.'));
    await Promise.allSettled([...this.#jobs.values()].map(({ result }) => result));
  }

  #forget(key: string, job: Job): void {
    if (this.#jobs.get(key) === job) this.#jobs.delete(key);
  }

  #start(key: string, task: JobTask): Job {
    const unfinished = [...this.#jobs.values()].filter(({ isFinished }) => !isFinished).length;
    if (unfinished >= unfinishedMax) throw problemError('OVERLOADED', 'Too many comparisons and gates are waiting.');
    const { signal } = this.#closing;
    const result = this.#last
      .catch(() => undefined)
      .then(() => {
        signal.throwIfAborted();
        const bundleId = task.kind === 'gate' ? task.bundleId : task.after.bundleId;
        this.#logger.info({ job: task.kind, bundleId }, 'a job has started');
        return runJob(task, { signal, onProgress: (share) => void (job.progress = share) });
      });
    const job: Job = { result, progress: 0, isFinished: false };
    this.#last = result;
    this.#jobs.set(key, job);
    result.then(
      () => (job.isFinished = true),
      () => {
        job.isFinished = true;
        setTimeout(() => this.#forget(key, job), failureKeptMs).unref();
      },
    );
    for (const [other, { isFinished }] of this.#jobs) {
      if (this.#jobs.size > keptMax && isFinished) this.#jobs.delete(other);
    }
    return job;
  }
}
