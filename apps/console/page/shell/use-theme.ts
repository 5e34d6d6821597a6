import { useEffect, useState } from 'react';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'facet-theme';

/** Applies the stored theme. Call it before the first view, so that colors do not change after it. */
export function applyStoredTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  const theme = themes.find((name) => name === stored) ?? 'system';
  apply(theme);
  return theme;
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(applyStoredTheme);
  useEffect(() => {
    localStorage.setItem(storageKey, theme);
    apply(theme);
  }, [theme]);
  return [theme, setTheme];
}
