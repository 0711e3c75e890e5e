/** Where the segments before and after the current one lie: asked for once somebody stays at it. */

import type { Detail } from "./api.js";
import { type Client, isAborted } from "./client.js";
import type { Span } from "./outcomes.js";

const REST_MS = 150; // who runs through the list needs no neighbours

export class Neighbours {
  readonly #come: () => void;
  #key = "";
  #of: number | null = null;
  #known: { previous: Span | null; next: Span | null } | null = null;
  #asked: AbortController | null = null;
  #timer = 0;

  constructor(come: () => void) {
    this.#come = come;
  }

  /** The neighbours of `row`; null until they are here. */
  of(row: number): { previous: Span | null; next: Span | null } | null {
    return this.#of === row ? this.#known : null;
  }

  /** Sees to it that those of `detail` come; what else is under way is given up. */
  want(client: Client, detail: Detail): void {
    const key = `${detail.row} ${detail.previous} ${detail.next}`; // a split or a merge has given it others
    if (this.#key === key) return;
    this.close();
    this.#key = key;
    this.#of = detail.row;
    this.#timer = window.setTimeout(() => void this.#ask(client, detail), REST_MS);
  }

  /** Forgets them: they may have moved. */
  close(): void {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.#key = "";
    this.#of = null;
    this.#known = null;
  }

  async #ask(client: Client, detail: Detail): Promise<void> {
    const asked = new AbortController();
    this.#asked = asked;
    const span = async (row: number | null): Promise<Span | null> => {
      if (row === null) return null;
      const { start, end } = await client.detail(row, asked.signal);
      return { start, end };
    };
    try {
      const [previous, next] = await Promise.all([span(detail.previous), span(detail.next)]);
      if (asked.signal.aborted) return;
      this.#known = { previous, next };
      this.#come();
    } catch (error) {
      if (!isAborted(error) && this.#of === detail.row) this.#key = ""; // asked again with the next change
    }
  }
}
