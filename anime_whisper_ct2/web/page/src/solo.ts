/** Plays a clip that is not in the pool, such as an example in a dialog: one at a time, let go of when it is over. */
import type { Row } from "./api.js";
import { Clip } from "./clip.js";
import type { Client } from "./client.js";

export class Solo {
  #clip: Clip | null = null;

  /** Plays the segment of `row` at `rate`; answers why it could not, or null. */
  async play(client: Client, row: Row, rate: number): Promise<string | null> {
    this.stop();
    const clip = new Clip(client, row);
    this.#clip = clip;
    await new Promise<void>((resolve) => {
      clip.addEventListener("change", () => (clip.ready || clip.problem !== null) && resolve());
    });
    if (clip !== this.#clip || clip.problem !== null) return clip.problem;
    clip.audio.defaultPlaybackRate = rate;
    clip.audio.playbackRate = rate;
    clip.audio.addEventListener("timeupdate", () => clip.at_s >= row.end && this.stop());
    clip.audio.addEventListener("ended", () => clip === this.#clip && this.stop());
    await clip.audio.play().catch(() => this.stop());
    return null;
  }

  stop(): void {
    this.#clip?.close();
    this.#clip = null;
  }
}
