/** The queue as a grid of rows, of which only those in view are drawn. */
import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Row } from "./api.js";
import { following } from "./following.js";
import { lasting } from "./format.js";
import { named, number, t } from "./messages.js";
import type { Player } from "./player.js";
import { Scroll } from "./scrolling.js";
import { SIGNS } from "./status.js";
import type { Store } from "./store.js";
import { shared } from "./styles.js";

const ROW_REM = 3.5;
const SPARE = 8;
const MOST_CHIPS = 3;

@customElement("awct2-queue")
export class QueueGrid extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-height: 0;
        position: relative;
      }
      .grid {
        position: absolute;
        inset: 0;
        overflow: auto;
        overflow-anchor: none;
        background: var(--surface);
        contain: strict;
      }
      .whole {
        position: relative;
        overflow: hidden;
      }
      .row {
        position: absolute;
        inset-inline: 0;
        height: ${ROW_REM}rem;
        display: grid;
        grid-template-columns: 2.25rem minmax(0, 1fr) 5.5rem;
        align-items: center;
        padding-inline-end: 0.75rem;
        border-bottom: 1px solid var(--line);
        cursor: pointer;
      }
      .row:hover {
        background: var(--well);
      }
      .row[aria-selected="true"] {
        background: var(--accent-soft);
        box-shadow: inset 3px 0 0 var(--accent);
      }
      .row:focus-visible {
        outline-offset: -2px;
      }
      .state {
        text-align: center;
        font-size: 1rem;
      }
      .text,
      .about {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .text {
        font-size: 0.9375rem;
      }
      .rejected .text {
        text-decoration: line-through;
        color: var(--muted);
      }
      .about {
        display: flex;
        gap: 0.4rem;
        align-items: baseline;
        font-size: 0.75rem;
        color: var(--muted);
      }
      .about bdi {
        overflow: hidden;
        text-overflow: ellipsis;
        min-width: 4em;
      }
      .figures {
        display: grid;
        justify-items: end;
        font-size: 0.75rem;
        color: var(--muted);
        font-variant-numeric: tabular-nums;
      }
      .risk {
        width: 3rem;
        height: 0.375rem;
        margin-top: 0.25rem;
        border-radius: 3px;
        background: var(--raised);
        overflow: hidden;
      }
      .risk > span {
        display: block;
        height: 100%;
        background: var(--mark);
      }
      .sound {
        color: var(--bad);
      }
      .typed {
        color: var(--mark);
        white-space: nowrap;
      }
      .none {
        display: grid;
        place-content: center;
        height: 100%;
        margin: 0;
        color: var(--muted);
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) player!: Player;
  @query(".grid") private grid!: HTMLElement;
  readonly #scroll = new Scroll(0, 56, 600);
  readonly #resized = new ResizeObserver(() => this.requestUpdate());
  #shown = -1;

  constructor() {
    super();
    following(this, () => [this.store, this.player]);
  }

  override firstUpdated(): void {
    this.#resized.observe(this.grid);
    // the wheel moves by pixels of the list, also where the element scrolls on a smaller scale
    this.grid.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
  }

  /** How many rows fit into the view. */
  get pageRows(): number {
    return Math.max(1, Math.floor(this.#scroll.view_px / this.#scroll.row_px) - 1);
  }

  /** Puts the focus on the current row, so that keys are not typed elsewhere. */
  focusRow(): void {
    const row = this.grid.querySelector<HTMLElement>('[aria-selected="true"]');
    (row ?? this.grid).focus({ preventScroll: true });
  }

  /** Whether the focus is on a row, or nowhere. */
  get hasFocus(): boolean {
    return this.shadowRoot?.activeElement !== null;
  }

  override render(): TemplateResult {
    const { store } = this;
    this.#measure();
    const [first, last] = this.#scroll.range(SPARE);
    store.show(first, last);
    const positions = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
    // the current row stays drawn when it is scrolled away: it may have the focus
    if (store.position < first && store.count > 0) positions.unshift(store.position);
    else if (store.position >= last && store.position < store.count) positions.push(store.position);
    return html`<div
      class="grid"
      role="grid"
      aria-label=${t("queue.name")}
      aria-rowcount=${store.count}
      aria-colcount="3"
      aria-busy=${store.opening}
      tabindex=${store.count === 0 ? 0 : -1}
      @scroll=${() => this.#scrolled()}
    >
      ${store.count === 0 && store.queue
        ? html`<div class="none" role="row"><span role="gridcell">${t("queue.empty")}</span></div>`
        : nothing}
      <div class="whole" role="rowgroup" ?hidden=${store.count === 0} .style=${`height: ${this.#scroll.drawn_px}px`}>
        ${repeat(
          positions,
          (position) => position,
          (position) => this.#row(position, store.rowAt(position)),
        )}
      </div>
    </div>`;
  }

  override updated(): void {
    const { position } = this.store;
    if (this.#scroll.view_px !== this.grid.clientHeight) return this.requestUpdate();
    if (this.grid.scrollTop !== this.#scroll.top_px) this.grid.scrollTop = this.#scroll.top_px;
    if (this.#shown === position) return;
    this.#shown = position;
    if (this.hasFocus) this.focusRow();
  }

  #measure(): void {
    const scroll = this.#scroll;
    scroll.count = this.store.count;
    scroll.row_px = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
    if (this.grid) scroll.view_px = this.grid.clientHeight;
    scroll.to(scroll.offset_px);
    if (this.#shown !== this.store.position) scroll.reveal(this.store.position);
  }

  #row(position: number, row: Row | undefined): TemplateResult {
    const isCurrent = position === this.store.position;
    // as a property: the content security policy takes no style attribute, and styleMap begins with one
    const place = `transform: translateY(${this.#scroll.place_px(position)}px)`;
    return html`<div
      class="row ${row?.status ?? ""}"
      role="row"
      .style=${place}
      aria-rowindex=${position + 1}
      aria-selected=${isCurrent}
      tabindex=${isCurrent ? 0 : -1}
      @click=${() => this.#chosen(position)}
    >
      ${row ? this.#cells(row) : html`<div role="gridcell" aria-colindex="2" class="muted">${t("queue.loading")}</div>`}
    </div>`;
  }

  #cells(row: Row): TemplateResult {
    const problem = this.player.problem(row.row);
    const status = named("status", row.status);
    return html`<div role="gridcell" aria-colindex="1" class="state ${row.status}" title=${status}>
        <span aria-hidden="true">${SIGNS[row.status]}</span><span class="visually-hidden">${status}</span>
      </div>
      <div role="gridcell" aria-colindex="2">
        <div class="text" lang="ja">${row.text || html`<span class="muted">${t("row.no_text")}</span>`}</div>
        <div class="about">
          <bdi title=${row.id}>${row.id}</bdi>
          ${this.store.isUntaken(row.row) ? html`<span class="sound">${t("untaken.row")}</span>` : nothing}
          ${this.store.drafts.of(row) === undefined ? nothing : html`<span class="typed">${t("draft.row")}</span>`}
          ${problem === null ? chips(row) : html`<span class="sound">${t("row.sound", { problem })}</span>`}
        </div>
      </div>
      <div role="gridcell" aria-colindex="3" class="figures">
        <span>${lasting(row.end - row.start)}</span>
        <span class="risk" title=${t("row.risk", { risk: number(row.risk, 2) })} aria-hidden="true"
          ><span .style=${`width: ${100 * row.risk}%`}></span
        ></span>
        <span class="visually-hidden">${t("row.risk", { risk: number(row.risk, 2) })}</span>
      </div>`;
  }

  #chosen(position: number): void {
    this.store.go(position);
    void this.updateComplete.then(() => this.focusRow());
  }

  #scrolled(): void {
    this.#scroll.scrolled(this.grid.scrollTop);
    this.requestUpdate();
  }

  #wheeled(event: WheelEvent): void {
    if (this.#scroll.scale <= 1 || event.ctrlKey) return;
    event.preventDefault();
    const unit_px = [1, this.#scroll.row_px, this.#scroll.view_px][event.deltaMode] ?? 1;
    this.#scroll.to(this.#scroll.offset_px + event.deltaY * unit_px);
    this.requestUpdate();
  }
}

/** Why a row is where it is: its flags and the other reasons for its risk, then its tags. */
function chips(row: Row): TemplateResult {
  const reasons = row.reasons.filter((reason) => !row.flags.includes(reason));
  const all = [
    ...row.flags.map((flag) => html`<span class="chip flag" title=${flag}>${named("flag", flag)}</span>`),
    ...reasons.map((reason) => html`<span class="chip" title=${reason}>${named("reason", reason)}</span>`),
    ...row.tags.map((tag) => html`<span class="chip tag">${tag}</span>`),
  ];
  const left = all.length - MOST_CHIPS;
  return html`${all.slice(0, MOST_CHIPS)}${left > 0 ? html`<span class="chip">+${left}</span>` : nothing}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-queue": QueueGrid;
  }
}
