/** Plays clips, and holds those around the current one ready so that the next begins at once. */
import type { Row } from "./api.js";
import type { Clip } from "./clip.js";
import { ClipPool } from "./clip-pool.js";
import type { Client } from "./client.js";
import { Hearing } from "./heard.js";
import { t } from "./messages.js";
import { readSetting, writeSetting } from "./settings.js";
import { Solo } from "./solo.js";
import type { Store } from "./store.js";
import type { Moved } from "./standing.js";

export const SLOWEST = 0.5;
export const FASTEST = 2.5;
export const RATE_STEP = 0.1;
const AHEAD = 5;
const BEHIND = 1;
const EDGE_S = 0.5;
// a stretch longer than this between two looks is a jump, not something heard
const LOOK_S = 1;

export type Edge = "before-start" | "after-start" | "before-end" | "after-end";

/** Dispatches "change" when it plays, pauses, or a clip has come; "time" while it plays. */
export class Player extends EventTarget {
  readonly #client: Client;
  readonly #store: Store;
  readonly #clips: ClipPool;
  readonly #solo = new Solo();
  readonly #heard = new Hearing();
  #rate = 1;
  #playing: Clip | null = null;
  #span: { from: number; to: number } | null = null;
  #pending = false; // the current clip is to play as soon as it is ready
  #looked_s: number | null = null;
  #frame = 0;
  #asked_ms: number | null = null;
  /** How long it took from the key to the sound, for who measures; null until a clip was played. */
  latency_ms: number | null = null;
  /** Whether the browser wants to see a key or a click before it plays. */
  blocked = false;

  constructor(store: Store) {
    super();
    this.#store = store;
    this.#client = store.client;
    this.#clips = new ClipPool(store.client, (clip) => this.#opened(clip));
    this.#rate = readSetting("rate", 1, (value) => typeof value === "number" && value >= SLOWEST && value <= FASTEST);
    store.meter = (row) => ({ heard: this.heard(row), rate: this.#rate });
    store.addEventListener("reached", () => this.#askAgain());
    store.addEventListener("move", (event) => this.#moved((event as Moved).play));
    store.addEventListener("change", () => this.#hold());
  }

  // ---- what there is ------------------------------------------------------------------------------------------------

  /** The clip of the current row; null while there is none. */
  get clip(): Clip | null {
    const row = this.#store.row;
    return row ? this.#clips.of(row.row) : null;
  }

  get playing(): boolean {
    return this.#playing !== null && !this.#playing.audio.paused;
  }

  /** Where the current clip stands, in seconds of the recording; null while it is not here. */
  get at_s(): number | null {
    const clip = this.clip;
    return clip?.sound ? clip.at_s : null;
  }

  /** What is being played, in seconds of the recording. */
  get span(): { from: number; to: number } | null {
    return this.playing ? this.#span : null;
  }

  /** How many clips besides the current one can begin at once. */
  get prefetched(): number {
    return this.#clips.all.filter((clip) => clip.ready && clip !== this.clip).length;
  }

  /** How many clips are held or on their way. */
  get held(): number {
    return this.#clips.all.length;
  }

  /** Why the clip of `row` cannot be played; null where it can, or is not known. */
  problem(row: number): string | null {
    return this.#clips.of(row)?.problem ?? null;
  }

  /** The share of a segment that was heard since the page was loaded, 0 to 1. */
  heard(row: Row): number {
    return this.#heard.share(row);
  }

  get rate(): number {
    return this.#rate;
  }

  /** Sets the speed of this clip and of all that follow. */
  set rate(rate: number) {
    this.#rate = Math.round(100 * Math.max(SLOWEST, Math.min(FASTEST, rate))) / 100;
    writeSetting("rate", this.#rate);
    for (const clip of this.#clips.all) this.#setRate(clip);
    this.#tell();
  }

  // ---- playing ------------------------------------------------------------------------------------------------------

  /** Plays the current segment from its start to its end. */
  play(): void {
    const times = this.#store.times;
    if (times) this.playSpan(times.start, times.end);
  }

  /** Plays on from where it stands, or pauses; from the start where it has come to the end. */
  toggle(): void {
    const { clip } = this;
    const times = this.#store.times;
    if (!clip || !times) return;
    if (clip.problem !== null) return this.play();
    if (this.playing) return this.pause();
    const at_s = clip.at_s;
    const inside = at_s > times.start + 0.01 && at_s < times.end - 0.02;
    this.playSpan(inside ? at_s : times.start, times.end);
  }

  /** Ends whatever is heard, also the sound of another row. */
  pause(): void {
    this.#pending = false;
    this.#solo.stop();
    this.#playing?.audio.pause();
    this.#tell();
  }

  /** Plays the current segment from `at_s` of the recording to its end. */
  playFrom(at_s: number): void {
    const times = this.#store.times;
    if (times) this.playSpan(at_s, Math.max(times.end, at_s));
  }

  /** Plays half a second around an edge, to hear whether the cut is right. */
  playEdge(edge: Edge): void {
    const times = this.#store.times;
    if (!times) return;
    const at_s = edge.endsWith("start") ? times.start : times.end;
    if (edge.startsWith("before")) this.playSpan(at_s - EDGE_S, at_s);
    else this.playSpan(at_s, at_s + EDGE_S);
  }

  /** Stands at `at_s` of the recording without playing. */
  seek(at_s: number): void {
    const { clip } = this;
    this.#looked_s = null;
    if (clip && clip !== this.#playing) {
      // it is what goes on from there: nothing puts it back to its beginning
      this.#playing?.audio.pause();
      this.#playing = clip;
      this.#span = null;
    }
    clip?.seek(at_s);
    this.dispatchEvent(new Event("time"));
  }

  /** Plays from `from` to `to`, in seconds of the recording, as far as the clip reaches. */
  playSpan(from: number, to: number): void {
    this.#solo.stop();
    if (this.clip?.problem) this.#drop(this.clip);
    this.#hold();
    const { clip } = this;
    this.#asked_ms = performance.now();
    if (this.#playing !== clip) this.#playing?.audio.pause();
    this.#playing = clip;
    this.#span = { from, to };
    this.#pending = !clip?.ready;
    if (clip?.ready) this.#begin(clip, from);
    this.#tell();
  }

  /** Plays the sound of another row, such as an example in a dialog. */
  async playOther(row: Row): Promise<void> {
    this.pause();
    const problem = await this.#solo.play(this.#client, row, this.#rate);
    if (problem !== null) this.#store.fail(t("row.sound", { problem }));
  }

  #begin(clip: Clip, from_s: number): void {
    if (Math.abs(clip.at_s - from_s) > 0.002) clip.seek(from_s);
    this.#setRate(clip);
    this.#looked_s = from_s;
    clip.audio.play().then(
      () => this.#begun(),
      (error: unknown) => this.#refused(error),
    );
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#look());
  }

  #begun(): void {
    this.blocked = false;
    if (this.#asked_ms !== null) this.latency_ms = performance.now() - this.#asked_ms;
    this.#asked_ms = null;
    this.#tell();
  }

  #refused(error: unknown): void {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "AbortError") return; // it was paused before it began
    this.blocked = name === "NotAllowedError";
    if (this.blocked) this.#store.say(t("player.blocked"));
    this.#tell();
  }

  /** Looks where it is, once a frame: it stops at the end of the span, not at the end of the sound. */
  #look(): void {
    const [clip, span] = [this.#playing, this.#span];
    if (!clip || !span) return;
    const at_s = Math.min(clip.at_s, span.to);
    if (this.#looked_s !== null && at_s - this.#looked_s < LOOK_S * this.#rate) this.#heard.add(clip.row, this.#looked_s, at_s);
    this.#looked_s = at_s;
    const over = clip.at_s >= span.to - 0.004 || clip.audio.ended;
    if (over) {
      this.#heard.add(clip.row, at_s, span.to);
      clip.audio.pause();
    }
    this.dispatchEvent(new Event("time"));
    if (over || clip.audio.paused) this.#tell();
    else this.#frame = requestAnimationFrame(() => this.#look());
  }

  // ---- holding ------------------------------------------------------------------------------------------------------

  #moved(play: boolean): void {
    this.#pending = false;
    this.#playing?.audio.pause();
    this.#playing = null;
    const { clip } = this;
    // who comes back to a clip that could not be had asks for it again
    if (clip?.problem && clip.wasCurrent) this.#drop(clip);
    if (play) this.play(); // first: nothing else is to delay the sound
    this.#hold();
    if (this.clip) this.clip.wasCurrent = true;
    this.#tell();
  }

  /** Holds the current clip, the next ones and the one before; lets go of all others. */
  #hold(): void {
    const { position } = this.#store;
    const rows = [0, 1, 2, 3, 4, AHEAD, -BEHIND].map((offset) => this.#store.rowAt(position + offset));
    const gone = this.#clips.hold(rows.filter((row) => row !== undefined), this.#playing);
    if (this.#playing && gone.includes(this.#playing)) this.#playing = null;
  }

  #opened(clip: Clip): void {
    this.#setRate(clip);
    clip.addEventListener("change", () => this.#changed(clip));
    // no frames are drawn in a hidden tab
    clip.audio.addEventListener("timeupdate", () => document.hidden && clip === this.#playing && this.#look());
  }

  #drop(clip: Clip): void {
    if (this.#playing === clip) this.#playing = null;
    this.#clips.drop(clip);
  }

  /** Asks once more for what could not be had while the server could not be reached. */
  #askAgain(): void {
    for (const clip of this.#clips.all) if (clip.isUnreached) this.#drop(clip);
    this.#hold();
    this.#tell();
  }

  #changed(clip: Clip): void {
    if (this.#pending && clip === this.clip && (clip.ready || clip.problem !== null)) {
      this.#pending = false;
      this.#playing = clip;
      if (clip.ready) this.#begin(clip, this.#span?.from ?? clip.at_s);
    }
    if (clip.ready || clip.problem !== null) this.#hold();
    this.#tell();
  }

  /** load() puts playbackRate back to defaultPlaybackRate: both are set. */
  #setRate(clip: Clip): void {
    clip.audio.defaultPlaybackRate = this.#rate;
    clip.audio.playbackRate = this.#rate;
    clip.audio.preservesPitch = true;
  }

  #tell(): void {
    this.dispatchEvent(new Event("change"));
  }
}
