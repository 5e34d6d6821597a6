// Preloaded into a process: the first SIGWINCH moves the wall clock forward by a day, and the next one moves it back.
const dayMs = 86_400_000;
const real = Date.now.bind(Date);
let shiftMs = 0;
const Shifted = class extends Date {
  constructor(...given) {
    if (given.length === 0) super(real() + shiftMs);
    else super(...given);
  }
};
Shifted.now = () => real() + shiftMs;
globalThis.Date = Shifted;
process.on('SIGWINCH', () => (shiftMs = shiftMs === 0 ? dayMs : 0));
