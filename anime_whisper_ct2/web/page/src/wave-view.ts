/** The wave of the current clip: its segment with edges to drag, its neighbours, and what can be done with them. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Clip } from "./clip.js";
import { STEP_S, type Side, moved, splitAt } from "./edges.js";
import { following } from "./following.js";
import { clock } from "./format.js";
import { number, t } from "./messages.js";
import { Neighbours } from "./neighbours.js";
import type { Span } from "./outcomes.js";
import { panelStyles } from "./panel-styles.js";
import type { Player } from "./player.js";
import type { Store } from "./store.js";
import { type Colours, WaveDrawing } from "./wave-drawing.js";

const ZOOMS = [1, 2, 4, 8, 16];

@customElement("awct2-wave")
export class WaveView extends LitElement {
  static override styles = [
    panelStyles,
    css`
      :host {
        display: block;
      }
      .wave {
        min-height: 96px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: hidden;
        background: var(--well);
      }
      .wave ::part(region-handle) {
        width: 10px !important;
        border-color: var(--accent) !important;
        border-width: 3px !important;
      }
      @media (prefers-reduced-motion: reduce) {
        .wave ::part(segment) {
          transition: none !important;
        }
      }
      .foot {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.4rem 0.75rem;
        margin-top: 0.4rem;
      }
      .edge {
        display: inline-flex;
        align-items: center;
        gap: 0.2rem;
      }
      .end {
        margin-inline-start: auto;
        display: inline-flex;
        gap: 0.4rem;
      }
      output {
        min-width: 4.5em;
        text-align: center;
        font-variant-numeric: tabular-nums;
      }
      .probe {
        display: none;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) player!: Player;
  /** Where the caret is in the text, for a split by the button. */
  @property({ attribute: false }) caret: () => number = () => 0;
  @state() private zoomed = 0;
  @query(".wave") private box!: HTMLElement;
  @query(".probe") private probe!: HTMLElement;
  #drawing: WaveDrawing | null = null;
  #drawn: Clip | null = null;
  #marked = "";
  readonly #neighbours = new Neighbours(() => this.#mark());
  #frame = 0;
  readonly #themes = new MutationObserver(() => this.#recolour());
  readonly #dark = matchMedia("(prefers-color-scheme: dark)");
  readonly #recolour = () => this.#drawing?.recolour(this.#colours());

  constructor() {
    super();
    following(this, () => [this.store, this.player]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.#dark.addEventListener("change", this.#recolour);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#themes.disconnect();
    this.#dark.removeEventListener("change", this.#recolour);
    cancelAnimationFrame(this.#frame);
    this.#neighbours.close();
    this.#drawing?.destroy();
    this.#drawing = null;
    this.#drawn = null;
  }

  /** Moves an edge by steps of 10 ms, as far as the neighbours and the recording let it. */
  nudge(side: Side, steps: number): void {
    const { times } = this.store;
    if (times) this.#trim(moved(times, side, times[side] + steps * STEP_S, this.#room()));
  }

  /** Puts an edge where the playhead is. */
  toPlayhead(side: Side): void {
    const { times } = this.store;
    const at = this.player.at_s;
    if (times && at !== null) this.#trim(moved(times, side, at, this.#room()));
  }

  /** Splits the segment at a caret in its text and at the playhead; whether it could be. */
  split(caret: number = this.caret()): boolean {
    const { detail, times, text } = this.store;
    if (!detail || !times) return false;
    const split = splitAt(times, text, detail.words, caret, this.player.at_s);
    if (split) void this.store.decide("split", split);
    else this.store.say(t("wave.split_where"));
    return split !== null;
  }

  /** Merges the segment with the next one of the recording; whether there is one. */
  merge(): boolean {
    const { detail } = this.store;
    if (!detail || detail.next === null) {
      this.store.say(t("wave.merge_none"));
      return false;
    }
    void this.store.decide("merge");
    return true;
  }

  /** Shows more (+1) or less (-1) of the wave's detail. */
  zoom(direction: 1 | -1): void {
    this.zoomed = Math.max(0, Math.min(ZOOMS.length - 1, this.zoomed + direction));
    this.#drawing?.zoom(ZOOMS[this.zoomed] as number);
  }

  override render(): TemplateResult {
    const { times, detail } = this.store;
    return html`<section aria-label=${t("wave.name")}>
      <div class="wave"></div>
      <span class="probe"></span>
      <div class="foot">
        ${times ? html`${this.#edge("start", times)} ${this.#edge("end", times)} ${this.#length(times)}` : nothing}
        <span class="end">
          <button type="button" title=${t("wave.split_why")} ?disabled=${!times} @click=${() => this.split()}>
            ${t("wave.split")}
          </button>
          <button type="button" ?disabled=${!detail || detail.next === null} @click=${() => this.merge()}>
            ${t("wave.merge")}
          </button>
          <button
            type="button"
            aria-label=${t("wave.zoom_out")}
            title=${t("wave.zoom_out")}
            ?disabled=${this.zoomed === 0}
            @click=${() => this.zoom(-1)}
          >
            −
          </button>
          <button
            type="button"
            aria-label=${t("wave.zoom_in")}
            title=${t("wave.zoom_in")}
            ?disabled=${this.zoomed === ZOOMS.length - 1}
            @click=${() => this.zoom(1)}
          >
            +
          </button>
        </span>
      </div>
    </section>`;
  }

  override updated(): void {
    const { clip } = this.player;
    if (!clip?.sound || !clip.audio.src || clip === this.#drawn) return this.#mark();
    // The sound first: it must not wait until its wave is drawn.
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#frame = requestAnimationFrame(() => {
        if (clip === this.player.clip) this.#draw(clip);
        this.#mark();
      });
    });
  }

  #edge(side: Side, times: Span): TemplateResult {
    const nudge = (steps: number, sign: string) =>
      html`<button
        type="button"
        class="small"
        aria-label=${t(`wave.${side}_${steps < 0 ? "earlier" : "later"}`)}
        title=${t(`wave.${side}_${steps < 0 ? "earlier" : "later"}`)}
        @click=${() => this.nudge(side, steps)}
      >
        ${sign}
      </button>`;
    return html`<span class="edge" role="group" aria-label=${t(`wave.${side}`)}>
      ${nudge(-1, "◂")}<output>${clock(times[side])}</output>${nudge(1, "▸")}
    </span>`;
  }

  #length(times: Span): TemplateResult {
    return html`<span class="muted">${t("lasting.s", { n: number(times.end - times.start, 2) })}</span>`;
  }

  #draw(clip: Clip): void {
    const { sound } = clip;
    if (!sound) return;
    this.#drawn = clip;
    this.#marked = "";
    this.zoomed = 0;
    this.#drawing ??= new WaveDrawing(
      this.box,
      this.#colours(),
      (span) => this.#trim(span),
      (time) => this.player.seek(time),
    );
    this.#drawing.show({ audio: clip.audio, bytes: sound.bytes, start_s: sound.start_s, end_s: sound.end_s });
  }

  #mark(): void {
    const { row, times, detail } = this.store;
    if (!this.#drawing || !row || !times || this.#drawn?.row !== row.row) return;
    if (detail) this.#neighbours.want(this.store.client, detail);
    const known = this.#neighbours.of(row.row);
    const spans = [known?.previous, known?.next].filter((span) => span !== null && span !== undefined);
    const key = JSON.stringify([row.row, times, spans]);
    if (key === this.#marked) return;
    this.#marked = key;
    this.#drawing.mark(times, spans, this.#room());
    this.dataset["neighbours"] = known ? String(row.row) : ""; // whose are drawn, for tests
  }

  /** As far as the edges may go. */
  #room(): Span {
    const { row, detail } = this.store;
    const known = row && this.#neighbours.of(row.row);
    return { start: known?.previous?.end ?? 0, end: known?.next?.start ?? detail?.duration ?? Infinity };
  }

  #trim(span: Span): void {
    this.#marked = "";
    this.store.trim(span.start, span.end);
  }

  #colours(): Colours {
    const colour = (name: string) => {
      // As a colour, not as it is written: a canvas knows no light-dark().
      this.probe.style.color = `var(${name})`;
      return getComputedStyle(this.probe).color;
    };
    return {
      wave: colour("--wave"),
      played: colour("--wave-played"),
      cursor: colour("--wave-cursor"),
      segment: colour("--wave-segment"),
      neighbour: colour("--wave-neighbour"),
    };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-wave": WaveView;
  }
}
