// A format is expensive to create. `toLocaleString` creates one for each call.
const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const twoDecimals = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const sixDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** 12345 → "12,345". */
export const formatCount = (value: number): string => count.format(value);

/** 1234567 → "1.2M". */
export const formatCompact = (value: number): string => compact.format(value);

/** Writes a number with three significant digits: 0.03456 → "0.0346". */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return (Math.abs(value) >= 1000 ? sixDigits : threeDigits).format(value);
}

/** 0.1234 → "12.3 %". */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${(percent !== 0 && Math.abs(percent) < 1 ? twoDecimals : oneDecimal).format(percent)} %`;
}

/** 0.25 → "250 µs", 31.4 → "31 ms", 3100 → "3.1 s", 200000 → "3 min 20 s". */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0 ms';
  // The bounds are such that rounding never gives a whole larger unit.
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${oneDecimal.format(ms)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${oneDecimal.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** 123456789 → "118 MiB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(power === 0 ? count : oneDecimal).format(bytes / 1024 ** power)} ${units[power]}`;
}

/** Returns a p-value. */
export function formatP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
