/** All about the clips around the current one: asked for when it becomes current, and once more when it has changed. */
import type { Detail, Row } from "./api.js";
import { type Client, isAborted } from "./client.js";

const KEPT = 12;
const RETRY_MS = 2_000;

export class Details {
  readonly #client: Client;
  readonly #come: (detail: Detail | null) => void;
  readonly #details = new Map<number, Detail>();
  readonly #asked = new Map<number, AbortController>();

  /** `come` is called with each that has come, and with null where one could not be had and has to be asked for again. */
  constructor(client: Client, come: (detail: Detail | null) => void) {
    this.#client = client;
    this.#come = come;
  }

  /** What is known about `row`; null until it is here. It may be of a state before the last decision. */
  of(row: Row): Detail | null {
    return this.#details.get(row.row) ?? null;
  }

  /** Sees to it that all about these rows comes, the first of them first; what else is under way is given up. */
  want(rows: readonly Row[]): void {
    const wanted = new Set(rows.map((row) => row.row));
    for (const [row, asked] of this.#asked) {
      if (wanted.has(row)) continue;
      asked.abort();
      this.#asked.delete(row);
    }
    for (const row of rows) {
      const known = this.#details.get(row.row);
      if ((known && known.seen === row.seen) || this.#asked.has(row.row)) continue;
      const asked = new AbortController();
      this.#asked.set(row.row, asked);
      void this.#ask(row.row, asked);
    }
  }

  /** Has these, or all, asked for anew: they have changed, though perhaps only in their tags. */
  outdate(rows?: readonly Row[]): void {
    for (const row of rows?.map((one) => one.row) ?? [...this.#details.keys(), ...this.#asked.keys()]) {
      const known = this.#details.get(row);
      if (known) this.#details.set(row, { ...known, seen: "" });
      this.#asked.get(row)?.abort();
      this.#asked.delete(row);
    }
  }

  async #ask(row: number, asked: AbortController): Promise<void> {
    let detail: Detail | null = null;
    try {
      detail = await this.#client.detail(row, asked.signal);
      if (asked.signal.aborted) return;
      this.#details.delete(row);
      this.#details.set(row, detail);
      while (this.#details.size > KEPT) this.#details.delete(this.#details.keys().next().value as number);
    } catch (error) {
      if (isAborted(error)) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    if (this.#asked.get(row) === asked) this.#asked.delete(row);
    this.#come(detail);
  }
}
