/** A metric as the gate's sentences say it. */
export function figure(value: number): string {
  return value.toFixed(4);
}

export function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
}

export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
