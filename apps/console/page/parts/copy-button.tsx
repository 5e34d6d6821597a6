import { useState } from 'react';

interface CopyButtonProps {
  /** The text, or a function that makes it at the click. */
  readonly text: string | (() => string);
  readonly children: string;
}

/** Copies a text and confirms it for two seconds. */
export function CopyButton({ text, children }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button type="button" className="button" onClick={() => void copy()}>
      <span aria-live="polite">{isCopied ? 'Copied' : children}</span>
    </button>
  );
}
