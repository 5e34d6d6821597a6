import { describeEpoch } from '@facet/runs';
import type { StageProgress } from '@facet/runs';
import { SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';
import { fit, formatCount, formatDuration, truncate } from './text.ts';

/** The display of one running stage. */
export interface StageDisplay {
  /** @param share the finished share of the work, 0 to 1. */
  update(share: number, detail?: string): void;
  /** Draws the progress that a stage of the pipeline reports, with its pace if known. Without a bar, prints each finished epoch. */
  report(progress: StageProgress): void;
  /** Prints a line where no bar is drawn. */
  step(text: string): void;
  /** Prints a line that remains on the screen. */
  note(text: string): void;
  /** Replaces the bar by the result of the stage. */
  done(result: string, options?: { readonly reused?: boolean }): void;
  /** Removes the bar, if it is still there. */
  close(): void;
}

/** Shows the progress of a command: a bar on a terminal, plain lines in a file. */
export interface Progress {
  stage(name: string, detail?: string): StageDisplay;
  /** Runs `work` with a stage, and closes the stage at the end. */
  run<Result>(name: string, detail: string, work: (stage: StageDisplay) => Promise<Result>): Promise<Result>;
}

const nameWidth = 9;
const barWidth = 24;
/** The time between two lines about the progress of a stage. */
const lineEveryMs = 30_000;
/** Keeps the line of a bar shorter than the terminal: a wrapped line is not erased completely. */
const margin = 2;

export function createProgress(terminal: Terminal, now: () => number): Progress {
  const stage: Progress['stage'] = (name, detail) =>
    (terminal.isInteractive ? barStage : lineStage)(terminal, now, name, detail);
  return {
    stage,
    async run(name, detail, work) {
      const running = stage(name, detail);
      try {
        return await work(running);
      } finally {
        running.close();
      }
    },
  };
}

function describeProgress({ detail, examplesPerSecond, etaSeconds }: StageProgress): string {
  const pace = examplesPerSecond === undefined ? '' : `, ${formatCount(Math.round(examplesPerSecond))} examples/s`;
  const left = etaSeconds === undefined ? '' : `, at most ${formatDuration(etaSeconds * 1000)} left`;
  return `${detail}${pace}${left}`;
}

/** Returns the new finished share, which never falls. */
function advance(share: number, next: number): number {
  return next > share ? Math.min(1, next) : share;
}

function lineStage({ stream }: Terminal, now: () => number, name: string, detail = ''): StageDisplay {
  const start = now();
  const write = (text: string): void => void stream.write(`${name.padEnd(nameWidth)} ${text}\n`);
  if (detail !== '') write(`${detail} …`);
  let shownAt = start;
  let share = 0;
  // A retried stage may report earlier epochs again.
  const printed = new Set<string>();
  const update = (next: number, text = ''): void => {
    share = advance(share, next);
    if (now() - shownAt < lineEveryMs) return;
    shownAt = now();
    const percent = share === 0 ? '' : `${Math.floor(share * 100)} %`;
    write([percent, text].filter((part) => part !== '').join(', '));
  };
  return {
    update,
    report(progress) {
      const { share, epochs = [] } = progress;
      const lines = epochs.map((epoch) => describeEpoch(epoch)).filter((line) => !printed.has(line));
      for (const line of lines) {
        printed.add(line);
        write(line);
      }
      update(share, describeProgress(progress));
    },
    step: write,
    note: write,
    done: (result, options) => write(`${result}${timing(now() - start, options)}`),
    close: () => undefined,
  };
}

function barStage(terminal: Terminal, now: () => number, name: string, detail = ''): StageDisplay {
  const start = now();
  const { style, stream } = terminal;
  const title = style('bold', name.padEnd(nameWidth));
  const bar = new SingleBar({
    stream,
    fps: 10,
    clearOnComplete: true,
    gracefulExit: false,
    format: (_, { progress }, payload: { detail: string }) => {
      const full = Math.round(progress * barWidth);
      const drawn = style('cyan', '━'.repeat(full)) + style('dim', '─'.repeat(barWidth - full));
      const tail = `${`${Math.floor(progress * 100)} %`.padStart(5)}  ${formatDuration(now() - start).padEnd(8)} ${payload.detail}`;
      return `  ${title} ${drawn}${truncate(tail, terminal.width - barWidth - nameWidth - 3 - margin)}`;
    },
  });
  let share = 0;
  bar.start(1, 0, { detail });
  const update = (next: number, text?: string): void => {
    share = advance(share, next);
    bar.update(share, text === undefined ? {} : { detail: text });
  };
  return {
    update,
    report: (progress) => update(progress.share, describeProgress(progress)),
    step: () => undefined,
    note(text) {
      const wasActive = bar.isActive;
      bar.stop();
      stream.write(`  ${title} ${text}\n`);
      if (wasActive) bar.start(1, share, { detail });
    },
    done(result, options) {
      bar.stop();
      const time = timing(now() - start, options);
      const room = terminal.width - nameWidth - time.length - 3 - margin;
      stream.write(`${style('green', '✓')} ${title} ${fit(result, room)}${style('dim', time)}\n`);
    },
    close: () => bar.stop(),
  };
}

function timing(ms: number, options: { readonly reused?: boolean } = {}): string {
  return options.reused === true ? '  (already done)' : `  ${formatDuration(ms)}`;
}
