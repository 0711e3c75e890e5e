/** The wave itself: wavesurfer.js over an `<audio>` of the player, in times of the recording. */

import WaveSurfer from "wavesurfer.js";
import Regions, { type Region } from "wavesurfer.js/dist/plugins/regions.esm.js";
import { type Side, moved } from "./edges.js";
import type { Span } from "./outcomes.js";
import { peaksOf } from "./peaks.js";

const HEIGHT_PX = 96;
const QUIET = 0.1; // what is softer is drawn as softer: raised to the full height, silence would look like speech
const SEGMENT = "segment"; // also the name of its part, for the styles

/** A clip as it lies in the page: `start_s` is where its sound begins in the recording. */
export interface Sound {
  audio: HTMLAudioElement;
  bytes: ArrayBuffer; // WAV, 16 bits
  start_s: number;
  end_s: number;
}

export interface Colours {
  wave: string;
  played: string;
  cursor: string;
  segment: string;
  neighbour: string;
}

/** A wave in `container`. It plays nothing itself: the media elements stay the player's. */
export class WaveDrawing {
  readonly #surfer: WaveSurfer;
  readonly #regions: InstanceType<typeof Regions>;
  #colours: Colours;
  #sound: Sound | null = null;
  #isLaidOut = false;
  #neighbours: readonly Span[] = [];
  #segment: Region | null = null;
  #room: Span = { start: 0, end: 0 };
  #before: Span = { start: 0, end: 0 };
  #isDragged = false;

  /** `trimmed` is told of a span whose edge was dragged; `sought` of a time that was clicked on. */
  constructor(container: HTMLElement, colours: Colours, trimmed: (span: Span) => void, sought: (time: number) => void) {
    this.#colours = colours;
    this.#regions = Regions.create();
    this.#surfer = WaveSurfer.create({
      container,
      height: HEIGHT_PX,
      // Not to be used: where none is given, wavesurfer takes those it shows for its own, and pauses and empties them.
      media: new Audio(),
      cspNonce: document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "",
      interact: false,
      dragToSeek: false,
      autoCenter: false,
      cursorWidth: 2,
      waveColor: colours.wave,
      progressColor: colours.played,
      cursorColor: colours.cursor,
      plugins: [this.#regions],
    });
    this.#regions.on("region-update", (region, side) => this.#drag(region, side));
    this.#regions.on("region-updated", (region) => {
      if (!this.#isDragged || region !== this.#segment || this.#sound === null) return;
      this.#isDragged = false;
      trimmed(this.#spanOf(region));
    });
    const seek = (relative: number) => {
      if (this.#sound) sought(this.#sound.start_s + relative * (this.#sound.end_s - this.#sound.start_s));
    };
    this.#surfer.on("resize", () => this.#place());
    const wrapper = this.#surfer.getWrapper();
    wrapper.addEventListener("click", (event) => {
      const box = wrapper.getBoundingClientRect();
      if (box.width > 0) seek((event.clientX - box.left) / box.width);
    });
  }

  /** Draws another clip. A sound whose form cannot be told is drawn as a line. */
  show(sound: Sound): void {
    this.#sound = sound;
    this.#isLaidOut = false;
    this.#before = { start: 0, end: 0 }; // told by `mark`
    this.#segment = null;
    this.#isDragged = false;
    this.#regions.clearRegions();
    const peaks = peaksOf(sound.bytes);
    // The address that the element has already: wavesurfer then leaves its source, position and speed alone.
    const address = sound.audio.currentSrc || sound.audio.src;
    this.#surfer.setMediaElement(sound.audio);
    const seconds = peaks?.seconds || sound.end_s - sound.start_s;
    this.#surfer.load(address, [raised(peaks?.values)], seconds).then(
      () => this.#laidOut(sound),
      () => undefined, // another clip has come
    );
  }

  /** Draws the playhead where it is: an element that was made ready before it was shown tells nothing of itself. */
  at(): void {
    const { audio } = this.#sound ?? {};
    const seconds = this.#surfer.getDuration();
    if (audio && seconds > 0) this.#surfer.getRenderer().renderProgress(audio.currentTime / seconds, !audio.paused);
  }

  /** Draws the segment, and what of its neighbours reaches into the clip; `room` is as far as its edges may go. */
  mark(segment: Span, neighbours: readonly Span[], room: Span): void {
    if (this.#sound === null || this.#isDragged) return;
    this.#room = room;
    this.#before = segment;
    this.#neighbours = neighbours;
    this.#place();
  }

  #laidOut(sound: Sound): void {
    if (sound !== this.#sound) return;
    this.#isLaidOut = true;
    this.#place();
    this.at();
  }

  /** Draws the spans. A wave that has no width yet would take them for out of sight, and never show them. */
  #place(): void {
    const sound = this.#sound;
    const segment = this.#before;
    if (sound === null || !this.#isLaidOut || this.#isDragged || segment.end <= segment.start) return;
    this.#regions.clearRegions();
    const common = { drag: false, start: 0 };
    for (const span of this.#neighbours) {
      if (span.end <= sound.start_s || span.start >= sound.end_s) continue;
      const color = this.#colours.neighbour;
      this.#regions.addRegion({ ...common, ...this.#within(span), resize: false, color, id: "neighbour" });
    }
    const color = this.#colours.segment;
    this.#segment = this.#regions.addRegion({ ...common, ...this.#within(segment), resize: true, color, id: SEGMENT });
  }

  /** Shows the whole clip (1), or so many times as much of its detail. */
  zoom(times: number): void {
    if (!this.#surfer.getDecodedData()) return;
    this.#surfer.zoom(times === 1 ? 0 : (times * this.#surfer.getWidth()) / this.#surfer.getDuration());
    this.at();
  }

  recolour(colours: Colours): void {
    this.#colours = colours;
    const { wave, played, cursor } = colours;
    this.#surfer.setOptions({ waveColor: wave, progressColor: played, cursorColor: cursor });
    const segment = this.#segment;
    for (const region of this.#regions.getRegions()) {
      region.setOptions({ color: region === segment ? colours.segment : colours.neighbour });
    }
  }

  destroy(): void {
    this.#surfer.destroy();
  }

  #drag(region: Region, side?: Side): void {
    if (region !== this.#segment || side === undefined) return;
    this.#isDragged = true;
    const wanted = this.#spanOf(region);
    const limited = moved(this.#before, side, wanted[side], this.#room);
    if (Math.abs(limited[side] - wanted[side]) > 0.006) region.setOptions(this.#within(limited));
  }

  #spanOf(region: Region): Span {
    const zero = this.#sound?.start_s ?? 0;
    const now = { start: zero + region.start, end: zero + region.end };
    const start = moved(this.#before, "start", now.start, this.#room).start;
    const end = moved(this.#before, "end", now.end, this.#room).end;
    // An edge that was not touched keeps its own time, to the last digit.
    return {
      start: Math.abs(now.start - this.#before.start) < 0.002 ? this.#before.start : start,
      end: Math.abs(now.end - this.#before.end) < 0.002 ? this.#before.end : end,
    };
  }

  #within(span: Span): Span {
    const sound = this.#sound as Sound;
    const most = sound.end_s - sound.start_s;
    const inside = (time: number) => Math.max(0, Math.min(most, time - sound.start_s));
    return { start: inside(span.start), end: inside(span.end) };
  }
}

/** Peaks raised so that the greatest fills the height. */
function raised(peaks: Float32Array = new Float32Array(2)): Float32Array {
  const most = peaks.reduce((so_far, peak) => Math.max(so_far, peak), QUIET);
  return peaks.map((peak) => peak / most);
}
