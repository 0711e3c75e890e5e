/** One clip, held decoded: an <audio> element that stands ready at the beginning of its segment. */
import { type Client, type ClipBytes, Failure, isAborted } from "./client.js";
import { soundProblem } from "./problems.js";

export interface Wanted {
  row: number;
  start: number; // of the segment, in seconds of the recording
  end: number;
}

/** Sound around the segment: enough for its neighbours' ends, and for edges that move. */
export const MARGIN_S = 1;

/** Dispatches "change" when it is ready, has failed, plays or pauses. */
export class Clip extends EventTarget {
  readonly row: number;
  readonly audio = new Audio();
  /** What was fetched; null until it is here. */
  sound: ClipBytes | null = null;
  /** Why it cannot be played, in the reviewer's language; null while it can. */
  problem: string | null = null;
  /** Whether that is only because the server could not be reached, or does not know the page. */
  isUnreached = false;
  /** Whether it was the current one before: the reviewer has met its problem. */
  wasCurrent = false;
  /** Whether it can begin at once. */
  ready = false;
  readonly #asked: Wanted;
  readonly #givenUp = new AbortController();
  #start_s: number;
  #url = "";

  constructor(client: Client, wanted: Wanted) {
    super();
    this.row = wanted.row;
    this.#asked = wanted;
    this.#start_s = wanted.start;
    this.audio.preload = "auto";
    this.audio.preservesPitch = true;
    for (const name of ["playing", "pause", "ratechange"]) {
      this.audio.addEventListener(name, () => this.dispatchEvent(new Event("change")));
    }
    this.audio.addEventListener("error", () => this.#fail(this.audio.error?.message ?? ""));
    void this.#fetch(client);
  }

  /** Whether its sound reaches what is wanted, as far as the recording does. */
  reaches(wanted: Wanted): boolean {
    return wanted.start >= this.#asked.start - MARGIN_S && wanted.end <= this.#asked.end + MARGIN_S;
  }

  /** Stands at `at_s` of the recording. */
  seek(at_s: number): void {
    if (this.sound) this.audio.currentTime = Math.max(0, at_s - this.sound.start_s);
  }

  /** Where it stands, in seconds of the recording. */
  get at_s(): number {
    return this.audio.currentTime + (this.sound?.start_s ?? 0);
  }

  /** Stands at the beginning of its segment, so that it can begin there without a wait. */
  rewind(start_s: number = this.#start_s): void {
    this.#start_s = start_s;
    if (this.ready && this.audio.paused && Math.abs(this.at_s - start_s) > 0.002) this.seek(start_s);
  }

  /** Gives up what is under way, and frees what is held. */
  close(): void {
    this.#givenUp.abort();
    this.audio.pause();
    if (this.#url) {
      this.audio.removeAttribute("src");
      this.audio.load();
      URL.revokeObjectURL(this.#url);
    }
    this.#url = "";
    this.sound = null;
    this.ready = false;
  }

  async #fetch(client: Client): Promise<void> {
    try {
      this.sound = await client.clip(this.row, MARGIN_S, this.#givenUp.signal);
    } catch (error) {
      this.isUnreached = error instanceof Failure && error.waits;
      if (!isAborted(error)) this.#fail(soundProblem(error));
      return;
    }
    if (this.#givenUp.signal.aborted) return;
    this.#url = URL.createObjectURL(new Blob([this.sound.bytes], { type: "audio/wav" }));
    this.audio.addEventListener("loadedmetadata", () => this.seek(this.#start_s), { once: true });
    this.audio.addEventListener("canplay", () => this.#stands(), { once: true });
    this.audio.src = this.#url;
  }

  #stands(): void {
    const ready = () => {
      this.ready = true;
      this.dispatchEvent(new Event("change"));
    };
    if (this.audio.seeking) this.audio.addEventListener("seeked", ready, { once: true });
    else ready();
  }

  #fail(problem: string): void {
    if (this.#givenUp.signal.aborted) return;
    this.problem = problem;
    this.ready = false;
    this.dispatchEvent(new Event("change"));
  }
}
