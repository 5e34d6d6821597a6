const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** Where lines cannot be redrawn, a step that takes long says so after 10 s, then every 30 s. */
const FIRST_NOTICE_MS = 10_000;
const NOTICE_MS = 30_000;

/**
 * @typedef {object} Step
 * @property {(detail: string) => void} update What it is doing, in a few words.
 * @property {(detail?: string) => void} done
 * @property {() => void} failed
 * @property {() => void} stopped Ended early because something else has failed, or by the user.
 */

/**
 * One line a step: redrawn with a spinner and the time on a terminal, printed when the step ends elsewhere.
 *
 * @param {{ write: (text: string) => unknown, isTTY?: boolean, columns?: number }} out
 */
export function createProgress(out) {
  const live = out.isTTY === true;
  /** @type {Map<string, { detail: string, startedAt: number, noticeAt: number }>} */
  const running = new Map();
  let drawnLines = 0;
  let frame = 0;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const erase = () => {
    if (drawnLines > 0) out.write(`\x1b[${drawnLines}A\x1b[0J`);
    drawnLines = 0;
  };
  const draw = () => {
    const width = out.columns ?? 80;
    for (const [name, { detail, startedAt }] of running) {
      const line = `${FRAMES[frame % FRAMES.length]} ${describe(name, detail)}  ${seconds(startedAt)}`;
      out.write(`${line.slice(0, width - 1)}\n`);
      drawnLines++;
    }
  };
  const tick = () => {
    frame++;
    if (live) {
      erase();
      draw();
      return;
    }
    const now = Date.now();
    for (const [name, step] of running) {
      if (now < step.noticeAt) continue;
      step.noticeAt = now + NOTICE_MS;
      out.write(`  ${describe(name, step.detail)}  ${seconds(step.startedAt)}\n`);
    }
  };
  /** @param {string} line */
  const print = (line) => {
    if (live) erase();
    out.write(`${line}\n`);
    if (live) draw();
  };

  return {
    print,

    /**
     * @param {string} name
     * @returns {Step}
     */
    start(name) {
      const startedAt = Date.now();
      const step = { detail: '', startedAt, noticeAt: startedAt + FIRST_NOTICE_MS };
      running.set(name, step);
      timer ??= setInterval(tick, live ? FRAME_MS : 1_000);
      const end = (/** @type {string} */ mark, /** @type {string} */ detail) => {
        running.delete(name);
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
        print(`${mark} ${describe(name, detail)}${Date.now() - startedAt < 1_000 ? '' : `  ${seconds(startedAt)}`}`);
      };
      return {
        update: (detail) => {
          step.detail = detail;
        },
        done: (detail = '') => end('✔', detail),
        failed: () => end('✖', ''),
        stopped: () => end('–', 'stopped'),
      };
    },

    /** Leaves the terminal as a next program expects it. */
    stop() {
      clearInterval(timer);
      timer = undefined;
      if (live) erase();
      running.clear();
    },
  };
}

/** @typedef {ReturnType<typeof createProgress>} Progress */

/**
 * @param {string} name
 * @param {string} detail
 */
function describe(name, detail) {
  return detail === '' ? name : `${name}: ${detail}`;
}

/** @param {number} startedAt */
function seconds(startedAt) {
  return `${Math.round((Date.now() - startedAt) / 1_000)} s`;
}
