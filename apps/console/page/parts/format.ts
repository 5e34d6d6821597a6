export { formatBytes, formatCount, formatDuration } from '@facet/platform/quantities';

// A format is expensive to create. `toLocaleString` creates one for each call.
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const twoDecimals = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const sixDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

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

/** Returns a p-value. */
export function formatP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
