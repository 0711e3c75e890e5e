/** Where the parts of the page lie: list and clip beside each other, below each other where there is little room. */
import { css, unsafeCSS } from "lit";

/** Where there is room for one column only. */
export const NARROW = "(max-width: 56rem)";

export const appStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 0;
  }
  .skip {
    position: absolute;
    inset-inline-start: 0.5rem;
    top: -4rem;
    z-index: 10;
  }
  .skip:focus {
    top: 0.5rem;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.25rem 1rem;
    padding: 0.4rem 1rem;
    background: var(--surface);
    border-bottom: 1px solid var(--line);
  }
  h1 {
    margin: 0;
    font-size: 1rem;
    font-weight: 650;
    overflow-wrap: anywhere;
  }
  .progress {
    display: inline-flex;
    align-items: center;
    gap: 0.5rem;
    font-variant-numeric: tabular-nums;
  }
  progress {
    width: 8rem;
    height: 0.5rem;
    border: 0;
    border-radius: 4px;
    background: var(--raised);
    accent-color: var(--good);
    appearance: none;
    overflow: hidden;
  }
  progress::-webkit-progress-bar {
    background: var(--raised);
  }
  progress::-webkit-progress-value {
    background: var(--good);
  }
  progress::-moz-progress-bar {
    background: var(--good);
  }
  .saving {
    color: var(--good);
    font-variant-numeric: tabular-nums;
  }
  .saving.unsaved {
    color: var(--warning);
    font-weight: 600;
  }
  .tools {
    display: inline-flex;
    flex-wrap: wrap;
    gap: 0.25rem;
    margin-inline-start: auto;
  }
  .notices p {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 1rem;
    margin: 0;
    padding: 0.25rem 1rem;
    background: var(--accent-soft);
    border-bottom: 1px solid var(--line);
    overflow-wrap: anywhere;
  }
  .notices p.error {
    background: var(--bad-soft);
    color: var(--bad);
  }
  main {
    flex: 1;
    min-height: 0;
    display: grid;
    grid-template-columns: minmax(24rem, 1fr) minmax(26rem, 1fr);
  }
  .list {
    display: flex;
    flex-direction: column;
    min-height: 0;
    min-width: 0;
    border-inline-end: 1px solid var(--line);
  }
  awct2-filters {
    padding: 0.6rem 0.9rem;
    border-bottom: 1px solid var(--line);
  }
  awct2-queue {
    flex: 1;
    min-height: 12rem;
  }
  .clip {
    min-height: 0;
    min-width: 0;
    overflow: auto;
  }
  .beginning {
    grid-template: none; /* one column, whatever the page has */
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 0.75rem;
    padding: 1rem;
    text-align: center;
  }
  .beginning progress {
    width: 20rem;
    max-width: 80vw;
  }
  /* little room, or 200 % zoom: one below the other, and the page scrolls */
  @media ${unsafeCSS(NARROW)} {
    :host {
      height: auto;
    }
    main:not(.beginning) {
      display: flex;
      flex-direction: column;
    }
    .list {
      border: 0;
      border-block-start: 1px solid var(--line);
    }
    awct2-queue {
      flex: none;
      height: 60vh;
    }
  }
  @media (max-height: 30rem) {
    :host {
      height: auto;
    }
    main:not(.beginning) {
      min-height: 30rem;
    }
  }
`;
