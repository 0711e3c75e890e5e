/** Edges on the move: many small steps of a drag or of keys become one decision, once they rest. */
import { SHORTEST_S } from "./edges.js";
import type { Span } from "./outcomes.js";

const REST_MS = 700;

export class Trimming {
  readonly #decide: (times: Span) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Where the edges are while they move; null while they rest. */
  times: Span | null = null;

  constructor(decide: (times: Span) => void) {
    this.#decide = decide;
  }

  /** Puts the edges to `times`, inside the recording, `duration_s` long. An edge that was not touched stays exact. */
  to(times: Span, duration_s: number): void {
    const start = Math.max(0, Math.min(times.start, duration_s - SHORTEST_S));
    this.times = { start, end: Math.min(duration_s, Math.max(times.end, start + SHORTEST_S)) };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), REST_MS);
  }

  /** Decides now what is on the move. */
  flush(): void {
    clearTimeout(this.#timer);
    const times = this.times;
    this.times = null;
    if (times) this.#decide(times);
  }
}
