/** Sampled acceptance (B2): the reviewer listens to some rows of a queue, drawn at random, before the rest is accepted. */
import type { Queue, QueueRequest, Sample, SampleClosed } from "./api.js";
import type { Store } from "./store.js";

const KEY = "awct2.sample";

/** The queue that a sample was drawn from. */
export interface Origin {
  queue: Queue;
  request: QueueRequest;
  position: number;
}

export interface Drawn {
  sample: Sample;
  origin: Origin;
  closed: SampleClosed | null; // what came of it, once it is counted
}

export class Sampling {
  readonly #store: Store;
  /** What is being listened to, or was counted; null while the queue is no sample. */
  drawn: Drawn | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Draws `k` rows of the open queue, or of its undecided ones, and shows them as the queue; throws Failure. */
  async draw(k: number, onlyUndecided: boolean): Promise<void> {
    const store = this.#store;
    const queue = store.queue;
    if (!queue) return;
    await store.idle(); // what is decided is not drawn
    const origin = { queue, request: store.request, position: store.position };
    const sample = await store.client.sample(queue.queue, k, onlyUndecided);
    this.#keep({ sample, origin, closed: null });
    store.showQueue(sample.queue);
  }

  /** Counts what was decided in the sample, and keeps it in the log; throws Failure. */
  async close(): Promise<SampleClosed | null> {
    if (!this.drawn) return null;
    const closed = await this.#store.closeSample(this.drawn.sample.sample);
    this.#keep({ ...this.drawn, closed });
    this.#store.changed();
    return closed;
  }

  /** Shows the queue again that the sample was drawn from; what was decided in the sample stays decided. */
  leave(): void {
    const origin = this.drawn?.origin;
    this.forget();
    if (origin) this.#store.showQueue(origin.queue, origin.position);
  }

  /** Is at no sample any more: another queue was asked for. */
  forget(): void {
    this.#keep(null);
  }

  /** Goes on with the sample of before a reload, if the server still knows it. */
  async restore(): Promise<void> {
    try {
      const drawn = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Drawn | null;
      if (!drawn) return;
      await this.#store.client.rows(drawn.sample.queue.queue, 0, 1);
      this.drawn = drawn;
      this.#store.showQueue(drawn.sample.queue);
    } catch {
      this.forget();
    }
  }

  #keep(drawn: Drawn | null): void {
    this.drawn = drawn;
    try {
      if (drawn) sessionStorage.setItem(KEY, JSON.stringify(drawn));
      else sessionStorage.removeItem(KEY);
    } catch {
      // storage is off: a reload ends the sample
    }
  }
}
