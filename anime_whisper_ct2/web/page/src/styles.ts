/** What all parts of the page look like: buttons, fields, marks. The colours are those of theme.css. */
import { css } from "lit";

export const shared = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 1px;
  }
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
  }
  button {
    display: inline-flex;
    align-items: center;
    gap: 0.45em;
    min-height: 2rem;
    padding: 0 0.7rem;
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    background: var(--surface);
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover:not(:disabled) {
    background: var(--raised);
  }
  button:disabled {
    color: var(--muted);
    border-color: var(--line);
    cursor: default;
  }
  button.primary {
    border-color: var(--accent);
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--accent), var(--text) 15%);
  }
  button.danger {
    border-color: var(--bad);
    color: var(--bad);
  }
  button.quiet {
    border-color: transparent;
    background: none;
  }
  button.quiet:hover:not(:disabled) {
    background: var(--raised);
  }
  kbd {
    padding: 0 0.35em;
    border: 1px solid color-mix(in srgb, currentColor, transparent 55%);
    border-radius: 4px;
    font: 500 0.75rem/1.4 var(--sans);
  }
  .chip {
    display: inline-block;
    padding: 0 0.5em;
    border-radius: 999px;
    background: var(--raised);
    color: var(--muted);
    font-size: 0.75rem;
    line-height: 1.5;
    white-space: nowrap;
  }
  .chip.flag {
    background: var(--warning-soft);
    color: var(--warning);
  }
  .chip.tag {
    background: var(--accent-soft);
    color: var(--accent);
  }
  .state {
    color: var(--muted);
  }
  .state.accepted {
    color: var(--good);
  }
  .state.corrected {
    color: var(--changed);
  }
  .state.rejected,
  .state.conflict {
    color: var(--bad);
  }
  .muted {
    color: var(--muted);
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      transition: none !important;
      animation: none !important;
      scroll-behavior: auto !important;
    }
  }
`;
