import type { ExposureRecord, ExposureWriter, ShadowResponse } from '@facet/exposures';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { Metrics } from '../metrics/metrics.ts';

export interface RecorderDeps {
  readonly writer: Pick<ExposureWriter, 'append' | 'counts' | 'close'>;
  readonly metrics: Pick<Metrics, 'countShadow'>;
  readonly logger: Logger;
}

/** Answers whose shadows wait; of more none is computed. */
const pendingMax = 4;

/** Records what was answered, with what the shadow arms would have answered. Nothing waits for it. */
export class ExposureRecorder {
  readonly #deps: RecorderDeps;
  readonly #pending = new Set<Promise<void>>();
  /** Shadows are computed one after the other: they have the time that is left. */
  #last: Promise<void> = Promise.resolve();

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** @param shadows computes what nobody sees. */
  record(record: ExposureRecord, shadows: readonly (() => Promise<ShadowResponse | undefined>)[]): void {
    const { writer, metrics } = this.#deps;
    if (shadows.length === 0 || this.#pending.size >= pendingMax) {
      for (let left = shadows.length; left > 0; left--) metrics.countShadow('left_out');
      writer.append(record);
      return;
    }
    const work = this.#last.then(async () => {
      const shadow: ShadowResponse[] = [];
      for (const compute of shadows) {
        const answer = await this.#attempt(compute);
        if (answer !== undefined) shadow.push(answer);
      }
      writer.append(shadow.length === 0 ? record : { ...record, shadow });
    });
    this.#last = work;
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  /** Writes what was recorded. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#deps.writer.close();
  }

  async #attempt(compute: () => Promise<ShadowResponse | undefined>): Promise<ShadowResponse | undefined> {
    const { metrics, logger } = this.#deps;
    try {
      const answer = await compute();
      metrics.countShadow(answer === undefined ? 'left_out' : 'computed');
      return answer;
    } catch (error) {
      metrics.countShadow('failed');
      logger.warn({ problem: describeError(error), err: error }, 'a shadow arm failed');
      return undefined;
    }
  }
}
