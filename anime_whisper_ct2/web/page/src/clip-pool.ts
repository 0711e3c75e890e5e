/** The clips that are held ready: the current one, the next ones, and the one before. */
import { Clip, type Wanted } from "./clip.js";
import type { Client } from "./client.js";

// a browser opens six connections to a server: a decision must not wait for sound
const AT_ONCE = 4;

export class ClipPool {
  readonly #client: Client;
  readonly #opened: (clip: Clip) => void;
  readonly #clips = new Map<number, Clip>();

  /** `opened` is called with each clip that is asked for. */
  constructor(client: Client, opened: (clip: Clip) => void) {
    this.#client = client;
    this.#opened = opened;
  }

  /** The clip of the row with this number, if it is held. */
  of(row: number): Clip | null {
    return this.#clips.get(row) ?? null;
  }

  get all(): Clip[] {
    return [...this.#clips.values()];
  }

  /** Holds these, the first of them first, and lets go of all others; answers which were let go of. */
  hold(rows: readonly Wanted[], playing: Clip | null): Clip[] {
    const wanted = new Map(rows.map((row) => [row.row, row]));
    const gone = this.all.filter((clip) => {
      const now = wanted.get(clip.row);
      return !now || !clip.reaches(now);
    });
    gone.forEach((clip) => this.drop(clip));
    for (const now of rows) {
      const held = this.#clips.get(now.row);
      if (held && held !== playing) held.rewind(now.start);
      if (held || this.#loading >= AT_ONCE) continue;
      const clip = new Clip(this.#client, now);
      this.#clips.set(now.row, clip);
      this.#opened(clip);
    }
    return gone;
  }

  drop(clip: Clip): void {
    clip.close();
    this.#clips.delete(clip.row);
  }

  get #loading(): number {
    return this.all.filter((clip) => !clip.ready && clip.problem === null).length;
  }
}
