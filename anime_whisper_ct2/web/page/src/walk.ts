/** Where the reviewer is: the queue that is open, and the way through it. What is decided on the way is store.ts's. */
import * as address from "./address.js";
import type { Filters, Queue, QueueRequest, Row, Sort, State } from "./api.js";
import { t } from "./messages.js";
import { filterProblem } from "./problems.js";
import { Standing } from "./standing.js";

interface Opening {
  push: boolean; // a step back in the browser returns to the queue that is left
  row: number | null; // to be at, if it is in the queue
  near?: number; // the position to be at where that is not
}

const BUSY_POLL_MS = 500;
const IDLE_POLL_MS = 15_000;
const UNREACHED_POLL_MS = 2_000;
// browsers take only so many changes of the address in a time
const ADDRESS_REST_MS = 400;

/**
 * Dispatches "change" when anything in it has changed, Moved ("move") when another clip is the current one, "queue" when
 * another queue is open, "reached" when the server answers again after it did not.
 */
export abstract class Walk extends Standing {
  /** Of the server; null until it has answered once. */
  state: State | null = null;
  request: QueueRequest = address.FIRST;
  /** Whether another queue has been asked for and is not here yet. */
  opening = false;
  /** A request that the server has refused, and why: the queue of before stays. */
  refused: { request: QueueRequest; problem: string } | null = null;
  #asked: AbortController | null = null;
  #addressTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    addEventListener("popstate", () => void this.#restore());
    this.addEventListener("move", () => {
      clearTimeout(this.#addressTimer);
      this.#addressTimer = setTimeout(() => this.#writeAddress(), ADDRESS_REST_MS);
    });
  }

  /** Called when another queue is asked for by filters. */
  protected abstract filtering(): void;

  /** Called when the first queue is open. */
  protected abstract begun(): void;

  // ---- queues -------------------------------------------------------------------------------------------------------

  /** Asks for the state until the index is made, then opens the queue that the address asks for; and goes on asking. */
  async start(): Promise<void> {
    for (let isReached = true; ; ) {
      try {
        this.state = await this.client.state();
        this.reached();
        if (!isReached) this.dispatchEvent(new Event("reached"));
        isReached = true;
        this.changed();
        if (this.state.ready && !this.queue && !this.opening) {
          await this.#restore();
          this.begun();
        }
      } catch (error) {
        isReached = false;
        this.failReaching(error);
      }
      const wait_ms = !this.state?.ready ? BUSY_POLL_MS : isReached ? IDLE_POLL_MS : UNREACHED_POLL_MS;
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
    }
  }

  /** Freezes the rows that fit `filters`; the last call wins. */
  setFilters(filters: Filters): Promise<void> {
    return this.open({ ...this.request, filters }, { push: true, row: null });
  }

  setSort(sort: Sort, descending: boolean = address.isDescendingFirst(sort)): Promise<void> {
    return this.open({ ...this.request, sort, descending }, { push: true, row: null });
  }

  /** Freezes the queue anew by the same filters; the reviewer stays at the clip if it is still in it. */
  refreshQueue(): Promise<void> {
    return this.open(this.request, { push: false, row: this.row?.row ?? null, near: this.position });
  }

  /** Shows a queue that is there already, such as a sample. */
  showQueue(queue: Queue, position = 0): void {
    this.#asked?.abort();
    this.take(queue, this.opened(queue.queue, queue.count), position);
  }

  // ---- going --------------------------------------------------------------------------------------------------------

  /** Makes the clip at `position` the current one, and plays it. */
  go(position: number, play = true): void {
    if (this.count === 0) return;
    this.leaving();
    this.notice = null; // of what was done where the reviewer was
    this.position = Math.max(0, Math.min(this.count - 1, position));
    this.since_ms = performance.now();
    this.arrive(play);
  }

  next(): void {
    if (this.position + 1 < this.count) this.go(this.position + 1);
    else this.say(t("queue.end"));
  }

  previous(): void {
    if (this.position > 0) this.go(this.position - 1);
    else this.say(t("queue.beginning"));
  }

  /** Goes on without a decision. */
  skip(): void {
    this.next();
  }

  // ---- within -------------------------------------------------------------------------------------------------------

  /** Goes to a row wherever it is: where the queue does not hold it, one that does is opened. */
  protected async returnTo(row: Row): Promise<void> {
    const here = this.pages?.positionOf(row.row) ?? (await this.client.find(this.pages?.queue ?? 0, row.row));
    if (here !== null) return this.go(here);
    await this.open(this.request, { push: false, row: row.row });
    if (this.row?.row !== row.row) await this.open({ ...this.request, filters: {} }, { push: true, row: row.row });
    this.go(this.position);
  }

  protected async open(request: QueueRequest, how: Opening): Promise<void> {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    const before = this.request;
    this.opening = true;
    this.request = request;
    this.refused = null;
    this.changed();
    try {
      const queue = await this.client.queue(request, asked.signal);
      const found = how.row === null ? null : await this.client.find(queue.queue, how.row);
      const pages = this.opened(queue.queue, queue.count);
      const position = Math.max(0, Math.min(queue.count - 1, found ?? how.near ?? 0));
      // the old rows stay until the new ones are here
      await pages.wait(position);
      if (asked.signal.aborted) return pages.close();
      if (this.queue) this.filtering();
      if (how.push) history.pushState(null, "", address.written(location.href, request, null));
      this.take(queue, pages, position);
    } catch (error) {
      if (!asked.signal.aborted) await this.#refuse(request, before, error);
    } finally {
      if (this.#asked === asked) this.opening = false;
      this.changed();
    }
  }

  /** Goes on with the queue of before; where there is none, with one without filters. */
  async #refuse(request: QueueRequest, before: QueueRequest, error: unknown): Promise<void> {
    this.request = before;
    const problem = filterProblem(error);
    if (problem === null) return this.fail(error);
    if (!this.queue) await this.open({ ...request, filters: {} }, { push: false, row: null });
    this.refused = { request, problem };
  }

  #restore(): Promise<void> {
    const { request, row } = address.read(location.href);
    return this.open(request, { push: false, row });
  }

  #writeAddress(): void {
    // a sample is no queue that an address could ask for
    if (this.queue && this.row && !this.opening && this.isAddressed) {
      history.replaceState(null, "", address.written(location.href, this.request, this.row.row));
    }
  }

  /** Whether the queue is the one that the address asks for. */
  protected abstract get isAddressed(): boolean;
}
