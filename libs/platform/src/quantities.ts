// The page of the console imports this file, so it runs in browsers too. A format is expensive to create, and `toLocaleString`
// creates one for each call.
const wholeNumber = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** 12345 → "12,345". */
export function formatCount(count: number): string {
  return wholeNumber.format(count);
}

/** `1 user`, `2 users`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Writes bytes in decimal units: 512 → "512 B", 4100 → "4.1 kB", 532000000 → "532 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Rounding never gives a whole larger unit.
  while (Math.round(value) >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? formatCount(value) : value.toFixed(1)} ${byteUnits[unit]}`;
}

/** 0.25 → "250 µs", 31.4 → "31 ms", 3100 → "3.1 s", 12300 → "12 s", 200000 → "3 min 20 s". */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0 ms';
  // The bounds are such that rounding never gives a whole larger unit.
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${oneDecimal.format(ms)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${oneDecimal.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Writes a difference with its sign: 0.5 → "+0.50", -0.001 → "0.00". */
export function formatSigned(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
}

/** Writes a p-value. */
export function formatP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
