/** What the panels look like: fields, dialogs, lists of keys. The colours are those of theme.css. */

import { css } from "lit";
import { shared } from "./styles.js";

export const panelStyles = [
  shared,
  css`
    button.primary:disabled {
      border-color: var(--line);
      background: var(--raised);
      color: var(--muted);
    }
    .field {
      display: inline-flex;
      flex-direction: column;
      gap: 0.15rem;
    }
    .field > span:first-child {
      color: var(--muted);
      font-size: 0.75rem;
      line-height: 1.4;
    }
    .check {
      display: inline-flex;
      align-items: center;
      gap: 0.4em;
      min-height: 1.5rem;
    }
    input:not([type="checkbox"], [type="radio"], [type="range"]),
    select {
      min-height: 2rem;
      padding: 0 0.5rem;
      border: 1px solid var(--edge);
      border-radius: var(--radius);
      background: var(--surface);
    }
    input::placeholder {
      color: var(--muted);
      opacity: 1;
    }
    input[type="checkbox"],
    input[type="radio"],
    input[type="range"] {
      accent-color: var(--accent);
    }
    input[type="checkbox"],
    input[type="radio"] {
      width: 1rem;
      height: 1rem;
      margin: 0;
      flex: none;
    }
    h3 {
      margin: 1rem 0 0.4rem;
      font-size: 0.875rem;
    }
    .error:empty {
      display: none;
    }
    .error {
      margin: 0.75rem 0 0;
      padding: 0.5rem 0.75rem;
      border-radius: var(--radius);
      background: var(--bad-soft);
      color: var(--bad);
      overflow-wrap: anywhere;
    }
    .figure {
      font-weight: 600;
      font-variant-numeric: tabular-nums;
    }
    .line {
      display: flex;
      flex-wrap: wrap;
      align-items: flex-end;
      gap: 0.5rem;
    }
  `,
];

export const dialogStyles = css`
  dialog {
    width: min(44rem, 94vw);
    max-height: 90vh;
    padding: 0;
    border: 1px solid var(--line);
    border-radius: 10px;
    background: var(--panel);
    color: var(--text);
    box-shadow: 0 12px 40px rgb(0 0 0 / 30%);
  }
  dialog[open] {
    display: flex;
    flex-direction: column;
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 45%);
  }
  dialog > .head,
  dialog > .foot {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    padding: 0.75rem 1rem;
    flex: none;
  }
  dialog > .head {
    justify-content: space-between;
    border-bottom: 1px solid var(--line);
  }
  dialog > .foot {
    justify-content: flex-end;
    border-top: 1px solid var(--line);
  }
  h2 {
    margin: 0;
    font-size: 1.0625rem;
  }
  .body {
    padding: 1rem;
    overflow: auto;
  }
  .body > :first-child {
    margin-top: 0;
  }
  .body > :last-child {
    margin-bottom: 0;
  }
  fieldset {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-end;
    gap: 0.4rem 1.25rem;
    margin: 0 0 0.75rem;
    padding: 0;
    border: 0;
  }
  legend {
    padding: 0;
    margin-bottom: 0.3rem;
    color: var(--muted);
  }
  .examples {
    margin: 0;
  }
  .examples li {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 0 0.6rem;
    align-items: center;
    padding-block: 0.35rem;
  }
  .examples li + li {
    border-top: 1px solid var(--line);
  }
  .examples button {
    grid-row: span 2;
    justify-content: center;
    width: 2.25rem;
    padding: 0;
  }
  .examples span {
    overflow-wrap: anywhere;
  }
`;

export const keyStyles = css`
  table {
    width: 100%;
    margin-bottom: 1rem;
    border-collapse: collapse;
    table-layout: fixed;
  }
  caption {
    padding-block: 0.25rem;
    font-weight: 600;
    text-align: start;
  }
  th,
  td {
    padding: 0.25rem 0.5rem 0.25rem 0;
    border-bottom: 1px solid var(--line);
    text-align: start;
    vertical-align: baseline;
    font-weight: 400;
  }
  thead th:first-child {
    width: 44%;
  }
  thead th {
    color: var(--muted);
    font-size: 0.75rem;
  }
  td kbd {
    white-space: nowrap;
  }
`;
