import { SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';
import { fit, formatDuration, truncate } from './text.ts';

/** One stage that is running. */
export interface StageProgress {
  /** @param share of the stage's work that is done, 0 to 1. */
  update(share: number, detail?: string): void;
  /** A step worth a line of its own where no bar shows it. */
  step(text: string): void;
  /** What a person should know: a line that stays. */
  note(text: string): void;
  /** The line that stays of every stage. */
  done(result: string, options?: { readonly reused?: boolean }): void;
  /** Takes the bar away; the error is told elsewhere. */
  failed(): void;
}

/** Tells a person how far a command is: a bar on a terminal, plain lines in a file. */
export interface Progress {
  stage(name: string, detail?: string): StageProgress;
}

const nameWidth = 9;
const barWidth = 24;
/** A line break in the middle of a bar's line would leave pieces of it behind. */
const margin = 2;

export function createProgress(terminal: Terminal, now: () => number): Progress {
  return { stage: (name, detail) => (terminal.isInteractive ? barStage : lineStage)(terminal, now, name, detail) };
}

function lineStage({ stream }: Terminal, now: () => number, name: string, detail = ''): StageProgress {
  const start = now();
  const say = (text: string): void => void stream.write(`${name.padEnd(nameWidth)} ${text}\n`);
  if (detail !== '') say(`${detail} …`);
  return {
    update: () => undefined,
    step: say,
    note: say,
    done: (result, options) => say(`${result}${timing(now() - start, options)}`),
    failed: () => undefined,
  };
}

function barStage(terminal: Terminal, now: () => number, name: string, detail = ''): StageProgress {
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
  return {
    update(next, text) {
      share = Math.max(share, Math.min(1, next));
      bar.update(share, text === undefined ? {} : { detail: text });
    },
    step: () => undefined,
    note(text) {
      const goesOn = bar.isActive;
      bar.stop();
      stream.write(`  ${title} ${text}\n`);
      if (goesOn) bar.start(1, share, { detail });
    },
    done(result, options) {
      bar.stop();
      const time = timing(now() - start, options);
      const room = terminal.width - nameWidth - time.length - 3 - margin;
      stream.write(`${style('green', '✓')} ${title} ${fit(result, room)}${style('dim', time)}\n`);
    },
    failed: () => bar.stop(),
  };
}

function timing(ms: number, options: { readonly reused?: boolean } = {}): string {
  return options.reused === true ? '  (already done)' : `  ${formatDuration(ms)}`;
}
