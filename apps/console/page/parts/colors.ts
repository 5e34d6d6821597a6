/** The number of colors of `theme.css` for interests and other series. */
const namedColors = 8;
const goldenAngleDegrees = 137.508;

/** Returns the CSS color of an interest or of another series, by its index from 0. The first eight come from the theme; the others are spread over the hues. */
export function interestColor(interest: number): string {
  if (interest < namedColors) return `var(--series-${interest + 1})`;
  return `hsl(${Math.round((interest * goldenAngleDegrees) % 360)} 55% var(--series-lightness))`;
}
