/** How the filters are laid out. */

import { css } from "lit";

export const filtersStyles = css`
  :host {
    display: block;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-end;
    gap: 0.5rem 0.75rem;
  }
  .row ~ .row {
    margin-top: 0.6rem;
  }
  .search {
    flex: 1 1 14rem;
    min-width: 11rem;
  }
  .search input {
    width: 100%;
  }
  select {
    max-width: 9.5rem;
  }
  .finer {
    padding: 0.6rem 0.75rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
  }
  .range {
    display: flex;
    align-items: center;
    gap: 0.3rem;
  }
  .range input {
    width: 5.5rem;
  }
  .figures {
    margin-inline-start: auto;
    padding-block: 0.35rem;
    font-variant-numeric: tabular-nums;
  }
`;
