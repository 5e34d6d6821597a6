// Preloaded into a process: the first SIGWINCH moves the wall clock forward by a day, and the next one moves it back.
const dayMs = 86_400_000;
const real = Date.now.bind(Date);
let shiftMs = 0;
const now = (): number => real() + shiftMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, given, caller) => Reflect.construct(target, given.length === 0 ? [now()] : given, caller) as Date,
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)) as unknown,
});
process.on('SIGWINCH', () => (shiftMs = shiftMs === 0 ? dayMs : 0));
