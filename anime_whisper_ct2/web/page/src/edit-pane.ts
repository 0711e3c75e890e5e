/** The current clip: its sound, its text, and what can be decided on it. */
import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import type { Row } from "./api.js";
import { asked } from "./asking.js";
import { following } from "./following.js";
import type { CommandId, KeyMap } from "./keys.js";
import { type MessageKey, named, number, t } from "./messages.js";
import { FASTEST, type Player, RATE_STEP, SLOWEST } from "./player.js";
import { SIGNS } from "./status.js";
import type { Store } from "./store.js";
import { shared } from "./styles.js";
import type { Tags } from "./tags.js";
import type { TextBox } from "./text-box.js";
import type { WaveView } from "./wave-view.js";
import "./diff-view.js";
import "./history-view.js";
import "./tags.js";
import "./text-box.js";
import "./wave-view.js";

@customElement("awct2-pane")
export class EditPane extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        overflow: auto;
        padding: 1rem 1.25rem 1.5rem;
        background: var(--bg);
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0.25rem 0.75rem;
        margin: 0 0 0.75rem;
      }
      h2 {
        flex: 1 1 14rem;
        margin: 0;
        font-size: 0.9375rem;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .play {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem;
        margin: 0.75rem 0;
      }
      .play label {
        display: inline-flex;
        align-items: center;
        gap: 0.5rem;
        margin-inline-start: auto;
        color: var(--muted);
      }
      input[type="range"] {
        width: 7rem;
        accent-color: var(--accent);
      }
      output {
        min-width: 2.6em;
        font-variant-numeric: tabular-nums;
      }
      .deeds {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin: 0.5rem 0 1rem;
      }
      .figures {
        display: flex;
        flex-wrap: wrap;
        gap: 0.35rem;
        margin: 0 0 1rem;
        padding: 0;
        list-style: none;
      }
      .sound {
        padding: 0.5rem 0.75rem;
        border-radius: var(--radius);
        background: var(--bad-soft);
        color: var(--bad);
      }
      awct2-diff,
      awct2-history {
        display: block;
        margin-top: 1rem;
      }
      .none {
        color: var(--muted);
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) player!: Player;
  @property({ attribute: false }) keys!: KeyMap;
  @query("awct2-text") readonly text!: TextBox | null;
  @query("awct2-tags") readonly tags!: Tags | null;
  @query("awct2-wave") readonly wave!: WaveView | null;

  #last: Row | undefined;

  constructor() {
    super();
    following(this, () => [this.store, this.player, this.keys]);
  }

  override render(): TemplateResult {
    const { store } = this;
    // until the clip that was gone to is here, the last one stands: nothing that has the focus goes
    const row = store.row ?? (store.count > 0 ? this.#last : undefined);
    this.#last = row;
    if (!row) return html`<p class="none">${this.store.count === 0 ? t("pane.none") : t("app.opening")}</p>`;
    return html`${this.#head(row)}
      <awct2-wave .store=${this.store} .player=${this.player} .caret=${() => this.text?.caret ?? 0}></awct2-wave>
      ${this.#listening(row)}
      <awct2-text .store=${this.store} .player=${this.player} .keys=${this.keys}></awct2-text>
      ${this.#deeds()} ${this.#figures(row)}
      <awct2-tags .store=${this.store}></awct2-tags>
      <awct2-diff .store=${this.store}></awct2-diff>
      <awct2-history .store=${this.store}></awct2-history>`;
  }

  #head(row: Row): TemplateResult {
    const { position, count } = this.store;
    return html`<div class="head">
      <h2><bdi>${row.id}</bdi></h2>
      <span class="state ${row.status}"
        ><span aria-hidden="true">${SIGNS[row.status]}</span> ${named("status", row.status)}${row.by !== null
          ? html` <span class="muted">${t("row.by", { by: row.by })}</span>`
          : nothing}</span
      >
      <span class="muted">${t("queue.position", { n: position + 1, total: count })}</span>
    </div>`;
  }

  #listening(row: Row): TemplateResult {
    const { player } = this;
    const problem = player.problem(row.row);
    const heard = Math.round(100 * player.heard(row));
    return html`${problem === null ? nothing : html`<p class="sound">${t("row.sound", { problem })}</p>`}
      <div class="play">
        ${this.#button("play", player.playing ? "pane.pause" : "pane.play")}
        <span class="muted">${t("row.heard", { percent: heard })}</span>
        <label
          >${t("pane.speed")}
          <input
            type="range"
            min=${SLOWEST}
            max=${FASTEST}
            step=${RATE_STEP}
            .value=${String(player.rate)}
            @input=${(event: Event) => (player.rate = Number((event.target as HTMLInputElement).value))}
          /><output>${number(player.rate, 1)}×</output></label
        >
      </div>`;
  }

  #deeds(): TemplateResult {
    return html`<div class="deeds">
      ${this.#button("accept", "pane.accept", "primary")}
      ${this.#button("reject", "pane.reject", "danger")} ${this.#button("skip", "pane.skip")}
      ${this.#button("undo", "pane.undo", "", !this.store.canUndo)}
      ${this.#button("redo", "pane.redo", "quiet", !this.store.canRedo)}
    </div>`;
  }

  /** A button that does what a key does, and says which. */
  #button(id: CommandId, label: MessageKey, look = "", disabled = false): TemplateResult {
    const hint = this.keys.hint(id);
    return html`<button
      type="button"
      class=${look}
      aria-keyshortcuts=${this.keys.aria(id) || nothing}
      ?disabled=${disabled}
      @click=${() => asked(this, id)}
    >
      ${t(label)} ${hint === "" ? nothing : html`<kbd aria-hidden="true">${hint}</kbd>`}
    </button>`;
  }

  #figures(row: Row): TemplateResult {
    const figures = [
      ...row.flags.map((flag) => html`<li class="chip flag" title=${flag}>${named("flag", flag)}</li>`),
      ...row.reasons
        .filter((reason) => !row.flags.includes(reason))
        .map((reason) => html`<li class="chip">${named("reason", reason)}</li>`),
      html`<li class="chip">${t("row.risk", { risk: number(row.risk, 2) })}</li>`,
      row.doubt === null ? nothing : html`<li class="chip">${t("pane.doubt", { n: number(row.doubt, 2) })}</li>`,
      row.logprob === null ? nothing : html`<li class="chip">${t("pane.logprob", { n: number(row.logprob, 2) })}</li>`,
      row.cps === null ? nothing : html`<li class="chip">${t("pane.cps", { n: number(row.cps, 1) })}</li>`,
      row.cer === null ? nothing : html`<li class="chip">${t("pane.cer", { n: number(row.cer, 1) })}</li>`,
      row.speaker === "" ? nothing : html`<li class="chip"><bdi>${row.speaker}</bdi></li>`,
    ];
    return html`<ul class="figures">
      ${figures}
    </ul>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-pane": EditPane;
  }
}
