import { useSyncExternalStore } from 'react';

/** Colors of the map as `#rrggbb`, which its pixels need. */
export interface MapColors {
  readonly background: string;
  readonly text: string;
  readonly accent: string;
  /** Points of other or missing values. */
  readonly other: string;
  readonly fresh: string;
  readonly series: readonly string[];
  /** From few to many. */
  readonly ramp: readonly string[];
}

const rampSteps = 8;

let cached: { readonly key: string; readonly colors: MapColors } | undefined;

/** Returns the colors of the current theme, and renders again when the theme changes. */
export function useMapColors(): MapColors {
  return useSyncExternalStore(watchTheme, readColors);
}

function watchTheme(onChange: () => void): () => void {
  const media = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  media.addEventListener('change', onChange);
  return () => {
    observer.disconnect();
    media.removeEventListener('change', onChange);
  };
}

function readColors(): MapColors {
  const { theme = 'system' } = document.documentElement.dataset;
  const key = `${theme} ${matchMedia('(prefers-color-scheme: dark)').matches}`;
  if (cached?.key === key) return cached.colors;
  const probe = document.createElement('span');
  document.body.append(probe);
  const resolve = createResolver(probe);
  const colors = {
    background: resolve('var(--surface)'),
    text: resolve('var(--text)'),
    accent: resolve('var(--accent)'),
    other: resolve('var(--border-strong)'),
    fresh: resolve('var(--bad)'),
    series: Array.from({ length: 8 }, (_, position) => resolve(`var(--series-${position + 1})`)),
    ramp: Array.from({ length: rampSteps }, (_, step) =>
      resolve(`color-mix(in oklab, var(--accent) ${15 + (85 * step) / (rampSteps - 1)}%, var(--border))`),
    ),
  };
  probe.remove();
  cached = { key, colors };
  return colors;
}

/** Paints each color on a canvas, because browsers write computed colors in several notations. */
function createResolver(probe: HTMLElement): (color: string) => string {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  return (color) => {
    probe.style.color = color;
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
    return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  };
}
