/** Where rows of one height lie in a list of any length. */

// Browsers draw no element higher than about 17 million pixels: a longer list scrolls on a smaller scale.
const HIGHEST_PX = 8_000_000;

/** A list of `count` rows, each `row_px` high, seen through a window `view_px` high. */
export class Scroll {
  /** How far the list is scrolled, in pixels of the whole list. */
  offset_px = 0;

  constructor(
    public count: number,
    public row_px: number,
    public view_px: number,
  ) {}

  get whole_px(): number {
    return this.count * this.row_px;
  }

  /** How high the element has to be that is scrolled. */
  get drawn_px(): number {
    return Math.min(this.whole_px, HIGHEST_PX);
  }

  get #most_px(): number {
    return Math.max(0, this.whole_px - this.view_px);
  }

  /** Pixels of the list for each pixel that the element is scrolled. */
  get scale(): number {
    const drawn = this.drawn_px - this.view_px;
    return drawn > 0 ? this.#most_px / drawn : 1;
  }

  /** Where the element has to be scrolled to. */
  get top_px(): number {
    return this.offset_px / this.scale;
  }

  /** Takes over where the element was scrolled to; what it rounds is no scrolling. */
  scrolled(top_px: number): void {
    if (Math.abs(top_px - this.top_px) >= 1) this.to(top_px * this.scale);
  }

  to(offset_px: number): void {
    this.offset_px = Math.max(0, Math.min(this.#most_px, offset_px));
  }

  /** Brings the row into view by as little as will do: a view that jumps loses the eye. */
  reveal(row: number): void {
    const margin_px = Math.min(this.row_px, this.view_px / 4);
    const [above, below] = [row * this.row_px - margin_px, (row + 1) * this.row_px + margin_px - this.view_px];
    if (this.offset_px > above) this.to(above);
    else if (this.offset_px < below) this.to(below);
  }

  /** The first row to draw, and the one behind the last; with `spare` above and below. */
  range(spare: number): [number, number] {
    const first = Math.floor(this.offset_px / this.row_px) - spare;
    const last = Math.ceil((this.offset_px + this.view_px) / this.row_px) + spare;
    return [Math.max(0, first), Math.min(this.count, last)];
  }

  /** Where a row lies in the element that is scrolled. */
  place_px(row: number): number {
    return row * this.row_px - this.offset_px + this.top_px;
  }
}
