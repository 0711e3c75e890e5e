/** The rows of a frozen queue as far as the page has asked for them: pages by position, fetched when they are shown. */
import type { Row } from "./api.js";
import { type Client, isAborted } from "./client.js";

const PAGE = 100;
// 60 pages of rows are a few megabytes: a queue of a million never lies in the page as a whole.
const PAGES_KEPT = 60;
const RETRY_MS = 2_000;

interface Asked {
  givenUp: AbortController;
  done: Promise<void>;
  awaited: boolean; // by wait(): not given up for scrolling on
  newer: Map<number, Row>; // what became of rows while the page was on its way: it may have been read before
}

/** Positions of one queue and what stands there. Dispatches "change" when rows have come. */
export class Pages extends EventTarget {
  readonly queue: number;
  readonly count: number;
  readonly #client: Client;
  readonly #numbers = new Map<number, number[]>();
  readonly #rows = new Map<number, Row>();
  readonly #asked = new Map<number, Asked>();
  #closed = false;
  /** Called with what kept a page from coming. */
  failed: (error: unknown) => void = () => {};

  constructor(client: Client, queue: number, count: number) {
    super();
    this.#client = client;
    this.queue = queue;
    this.count = count;
  }

  /** The row at `position`; where it is not here yet it is asked for, and undefined. */
  at(position: number): Row | undefined {
    if (position < 0 || position >= this.count) return undefined;
    const page = Math.floor(position / PAGE);
    const numbers = this.#numbers.get(page);
    if (!numbers) {
      void this.#ask(page);
      return undefined;
    }
    this.#numbers.delete(page); // the page used last stands last: the first is the one to forget
    this.#numbers.set(page, numbers);
    const number = numbers[position % PAGE];
    return number === undefined ? undefined : this.#rows.get(number);
  }

  /** The row with this number, if it is here. */
  byNumber(row: number): Row | undefined {
    return this.#rows.get(row);
  }

  /** Where `row` stands, if its page is here. */
  positionOf(row: number): number | undefined {
    for (const [page, numbers] of this.#numbers) {
      const index = numbers.indexOf(row);
      if (index >= 0) return page * PAGE + index;
    }
    return undefined;
  }

  /** Waits for the row at `position`; undefined where it could not be had. */
  async wait(position: number): Promise<Row | undefined> {
    if (position < 0 || position >= this.count) return undefined;
    const page = Math.floor(position / PAGE);
    const done = this.#ask(page);
    const asked = this.#asked.get(page);
    if (asked) asked.awaited = true;
    await done;
    return this.at(position);
  }

  /** Takes over what has become of rows; those that are not here are passed over. */
  update(rows: readonly Row[]): void {
    for (const row of rows) {
      if (this.#rows.has(row.row)) this.#rows.set(row.row, row);
      for (const asked of this.#asked.values()) asked.newer.set(row.row, row);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Gives up what is under way; nothing comes any more. */
  close(): void {
    this.#closed = true;
    for (const [page, asked] of this.#asked) this.#giveUp(page, asked);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Gives up what is asked for and stands far from `from` to `to`: the reviewer has scrolled past it. */
  near(from: number, to: number): void {
    const [first, last] = [Math.floor(from / PAGE) - 1, Math.floor(to / PAGE) + 1];
    for (const [page, asked] of this.#asked) if ((page < first || page > last) && !asked.awaited) this.#giveUp(page, asked);
  }

  #giveUp(page: number, asked: Asked): void {
    asked.givenUp.abort();
    this.#asked.delete(page);
  }

  #ask(page: number): Promise<void> {
    const underWay = this.#asked.get(page);
    if (underWay) return underWay.done;
    if (this.#closed || this.#numbers.has(page)) return Promise.resolve();
    const newer = new Map<number, Row>();
    const givenUp = new AbortController();
    const done = this.#fetch(page, givenUp.signal, newer);
    this.#asked.set(page, { givenUp, done, awaited: false, newer });
    return done;
  }

  async #fetch(page: number, signal: AbortSignal, newer: ReadonlyMap<number, Row>): Promise<void> {
    let failed = false;
    try {
      const rows = await this.#client.rows(this.queue, page * PAGE, PAGE, signal);
      if (signal.aborted) return;
      this.#numbers.set(page, rows.map((row) => row.row));
      for (const row of rows) this.#rows.set(row.row, newer.get(row.row) ?? row);
      while (this.#numbers.size > PAGES_KEPT) this.#forget(this.#numbers.keys().next().value as number);
    } catch (error) {
      failed = !isAborted(error);
      if (failed) this.failed(error);
    } finally {
      const settle = () => {
        if (this.#asked.get(page)?.givenUp.signal === signal) this.#asked.delete(page);
        if (!this.#closed) this.dispatchEvent(new Event("change"));
      };
      // what has failed is asked for again, but not without end and without pause
      if (failed) setTimeout(settle, RETRY_MS);
      else settle();
    }
  }

  #forget(page: number): void {
    for (const number of this.#numbers.get(page) ?? []) this.#rows.delete(number);
    this.#numbers.delete(page);
  }
}
