/** The number of colors of `theme.css` for interests and other series. */
export const namedColors = 8;
const goldenAngleDegrees = 137.508;

/** Returns the CSS color of an interest or of another series, by its index from 0. The first eight come from the theme; the others are spread over the hues. */
export function interestColor(interest: number): string {
  if (interest < namedColors) return `var(--series-${interest + 1})`;
  return `hsl(${Math.round((interest * goldenAngleDegrees) % 360)} 55% var(--series-lightness))`;
}

/** Calls a function when the theme changes, which canvases do not follow. Returns a function that stops it. */
export function watchTheme(onChange: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  scheme.addEventListener('change', onChange);
  return () => {
    observer.disconnect();
    scheme.removeEventListener('change', onChange);
  };
}

/** Resolves a color of the theme for a canvas. */
export function resolveColor(css: string): string {
  const probe = document.body.appendChild(document.createElement('span'));
  probe.style.color = css;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
