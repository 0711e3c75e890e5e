/** How much of a segment was heard: the union of the stretches that were played. */

const REMEMBERED = 2_000;

/** Remembers what was heard of the segments heard last. */
export class Hearing {
  readonly #heard = new Map<number, Heard>();

  /** Adds what was played of the segment with this number, in seconds of the recording. */
  add(row: number, from_s: number, to_s: number): void {
    let heard = this.#heard.get(row);
    if (!heard) {
      heard = new Heard();
      this.#heard.set(row, heard);
      if (this.#heard.size > REMEMBERED) this.#heard.delete(this.#heard.keys().next().value as number);
    }
    heard.add(from_s, to_s);
  }

  /** The share of a segment that was heard, 0 to 1. */
  share(row: { row: number; start: number; end: number }): number {
    return this.#heard.get(row.row)?.share(row.start, row.end) ?? 0;
  }
}

/** Stretches in seconds, in order and apart. */
class Heard {
  #stretches: [number, number][] = [];

  /** Adds what was played from `from_s` to `to_s`. */
  add(from_s: number, to_s: number): void {
    if (!(to_s > from_s)) return;
    const apart: [number, number][] = [];
    let [from, to] = [from_s, to_s];
    for (const [a, b] of this.#stretches) {
      if (b < from || a > to) apart.push([a, b]);
      else [from, to] = [Math.min(a, from), Math.max(b, to)];
    }
    apart.push([from, to]);
    this.#stretches = apart.sort((one, other) => one[0] - other[0]);
  }

  /** The share of `start_s` to `end_s` that was heard, 0 to 1. */
  share(start_s: number, end_s: number): number {
    if (!(end_s > start_s)) return 0;
    let heard_s = 0;
    for (const [a, b] of this.#stretches) heard_s += Math.max(0, Math.min(b, end_s) - Math.max(a, start_s));
    return Math.min(1, Math.round((1000 * heard_s) / (end_s - start_s)) / 1000);
  }
}
