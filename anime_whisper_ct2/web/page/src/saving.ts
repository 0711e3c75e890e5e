/** Sends what changes something one after the other, in the order in which it was done; the page does not wait for it. */
import { Failure } from "./client.js";

const RETRY_MS = 1_500;

/** A line of requests. Dispatches "change" when it grows, shrinks, or waits for the server. */
export class Saving extends EventTarget {
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;
  /** Why the server takes nothing at present: what is in the line is tried again until it does. */
  waitsFor: Failure | null = null;

  /** How many requests are not answered yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Answers what `ask` does, once all before it are done. A `patient` one is repeated until the server can be reached and
   * knows the page; `repeated` tells `ask` that an earlier try may have come through although its answer did not.
   */
  run<T>(ask: (repeated: boolean) => Promise<T>, patient: boolean): Promise<T> {
    this.#pending += 1;
    this.#tell();
    const answer = this.#last.then(() => this.#untilTaken(ask, patient));
    // whoever asked hears of a failure; the next in line goes on all the same
    this.#last = answer.then(
      () => this.#left(),
      () => this.#left(),
    );
    return answer;
  }

  /** Waits until nothing is in the line. */
  async idle(): Promise<void> {
    while (this.#pending > 0) await this.#last;
  }

  async #untilTaken<T>(ask: (repeated: boolean) => Promise<T>, patient: boolean): Promise<T> {
    for (let repeated = false; ; repeated = true) {
      try {
        const answer = await ask(repeated);
        this.waitsFor = null;
        return answer;
      } catch (error) {
        this.waitsFor = error instanceof Failure && error.waits && patient ? error : null;
        if (!this.waitsFor) throw error;
      }
      this.#tell();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #left(): void {
    this.#pending -= 1;
    this.#tell();
  }

  #tell(): void {
    this.dispatchEvent(new Event("change"));
  }
}
