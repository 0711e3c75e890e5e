/** Where the reviewer stands: the rows of the queue that is open, and all about those around the current one. */
import type { Detail, Queue, Row } from "./api.js";
import { Client, Failure } from "./client.js";
import { Details } from "./details.js";
import { Pages } from "./pages.js";
import { rearranged } from "./rearranging.js";
import { Telling } from "./telling.js";

/** Where the reviewer has gone; `play` is false where nobody has asked for sound. */
export class Moved extends Event {
  constructor(readonly play: boolean) {
    super("move");
  }
}

/** Dispatches "change", Moved ("move") when another clip is the current one, "queue" when another queue is open. */
export abstract class Standing extends Telling {
  readonly client = new Client();
  queue: Queue | null = null;
  /** Where the reviewer is in the queue; 0 also where it is empty. */
  position = 0;
  /** When the current clip came up, by the clock of the page. */
  protected since_ms = performance.now();
  protected pages: Pages | null = null;
  protected readonly details = new Details(this.client, (detail) => this.#known(detail));
  #coming: Pages | null = null; // what the pages are replaced by as soon as it is here
  #shown: [number, number] = [0, 0];

  /** Freezes the queue anew. */
  abstract refreshQueue(): Promise<void>;

  // ---- what there is ------------------------------------------------------------------------------------------------

  /** How many rows the queue has. */
  get count(): number {
    return this.pages?.count ?? 0;
  }

  /** The row at `position` of the queue, as it is or will be by decisions on their way; undefined until it is here. */
  rowAt(position: number): Row | undefined {
    const row = this.pages?.at(position);
    return row && this.foreseen(row);
  }

  /** The current row. */
  get row(): Row | undefined {
    return this.rowAt(this.position);
  }

  /** All about the current row; null until it is here. */
  get detail(): Detail | null {
    const row = this.row;
    return row ? this.details.of(row) : null;
  }

  /** Tells which rows are on screen: others need not come any more. */
  show(from: number, to: number): void {
    this.#shown = [from, to];
    this.pages?.near(from, to);
  }

  /** Takes over what has become of rows. */
  protected update(rows: readonly Row[]): void {
    this.pages?.update(rows);
    this.#coming?.update(rows);
    this.details.outdate(rows);
    this.#wantDetails();
    this.changed();
  }

  /** Follows the queue to what it is now, with `count` rows; the reviewer stays at their row, or else goes to `heir`. */
  protected async rearrange(count: number, heir?: Row): Promise<void> {
    const old = this.pages;
    if (!old) return;
    this.#coming?.close();
    const place = () => ({ row: this.row, position: this.position, shown: this.#shown });
    const opened = (pages: Pages) => (this.#coming = this.#followed(pages));
    try {
      const done = await rearranged(this.client, old, count, heir, place, opened);
      if (!done || this.pages !== old) return;
      const before = this.row;
      this.#coming = null;
      old.close();
      this.pages = done.pages;
      this.position = done.position;
      if (this.queue) this.queue = { ...this.queue, count };
      if (this.row?.row !== before?.row) this.arrive(false);
      this.#wantDetails();
      this.changed();
    } catch (error) {
      if (this.pages === old) this.#pageFailed(error);
    }
  }

  protected opened(queue: number, count: number): Pages {
    return this.#followed(new Pages(this.client, queue, count));
  }

  #followed(pages: Pages): Pages {
    pages.failed = (error) => this.#pageFailed(error, pages);
    pages.addEventListener("change", () => {
      if (this.pages !== pages) return;
      this.#wantDetails();
      this.changed();
    });
    return pages;
  }

  protected take(queue: Queue, pages: Pages, position: number): void {
    this.leaving();
    const before = this.row?.row;
    this.#coming?.close();
    this.#coming = null;
    this.pages?.close();
    this.pages = pages;
    this.queue = queue;
    this.position = Math.max(0, Math.min(queue.count - 1, position));
    this.dispatchEvent(new Event("queue"));
    // who is at the same clip goes on with it
    if (before !== undefined && this.row?.row === before) return this.#wantDetails();
    this.since_ms = performance.now();
    this.arrive(false);
  }

  #pageFailed(error: unknown, pages = this.pages): void {
    if (pages !== this.pages && pages !== this.#coming && this.pages) return;
    // the server keeps the last queues only: an old one is frozen anew
    if (error instanceof Failure && error.status === 410) void this.refreshQueue();
    else if (error instanceof Failure && error.waits) this.failReaching(error);
    else this.fail(error);
  }

  /** Sees to it that all of the clip at `position` is here, and tells that the reviewer is there. */
  protected arrive(play: boolean): void {
    const { position, pages } = this;
    const tell = () => {
      this.#wantDetails();
      this.dispatchEvent(new Moved(play));
      this.changed();
    };
    if (this.row || this.count === 0) tell();
    else void pages?.wait(position).then(() => this.position === position && this.pages === pages && tell());
    this.changed();
  }

  #known(detail: Detail | null): void {
    // somebody else's decision shows in the list, too, once the clip is looked at
    if (detail && this.pages?.byNumber(detail.row)?.seen !== detail.seen) {
      this.pages?.update([detail]);
      this.#coming?.update([detail]);
    }
    if (!detail) this.#wantDetails();
    this.changed();
  }

  #wantDetails(): void {
    const rows = [this.row, this.rowAt(this.position + 1), this.rowAt(this.position + 2)];
    this.details.want(rows.filter((row) => row !== undefined));
  }

  /** A row as it will be by decisions on their way. */
  protected abstract foreseen(row: Row): Row;

  /** Called before the reviewer leaves the clip. */
  protected abstract leaving(): void;
}
