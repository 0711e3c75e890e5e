/** A random sample that is being listened to: how far it is, and what it says of the rest of its queue. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { SampleClosed } from "./api.js";
import "./batch-dialog.js";
import type { BatchDialog } from "./batch-dialog.js";
import { following } from "./following.js";
import { bound } from "./format.js";
import { count, number, t } from "./messages.js";
import { panelStyles } from "./panel-styles.js";
import type { Player } from "./player.js";
import { problemText } from "./problems.js";
import type { Drawn } from "./sampling.js";
import type { Store } from "./store.js";

@customElement("awct2-sample")
export class SampleBar extends LitElement {
  static override styles = [
    panelStyles,
    css`
      :host {
        display: block;
      }
      section {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 1rem;
        padding: 0.6rem 0.75rem;
        border: 1px solid var(--accent);
        border-inline-start-width: 4px;
        border-radius: var(--radius);
        background: var(--panel);
      }
      progress {
        flex: 0 1 10rem;
        accent-color: var(--accent);
      }
      p {
        margin: 0;
      }
      .result {
        flex: 1 1 20rem;
      }
      .end {
        margin-inline-start: auto;
        display: flex;
        gap: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) player!: Player;
  @state() private error = "";
  @state() private isBusy = false;
  @query("awct2-batch") private batch!: BatchDialog;
  #sample = "";
  readonly #decided = new Map<number, boolean>();

  constructor() {
    super();
    following(this, () => [this.store]);
  }

  override render(): TemplateResult | typeof nothing {
    const { drawn } = this.store.samples;
    if (!drawn) return nothing;
    this.#look(drawn);
    return html`<section aria-label=${t("sample.name")}>
        ${drawn.closed ? this.#told(drawn.closed) : this.#progress(drawn)}
        <span class="end">
          ${drawn.closed && drawn.closed.k > 0
            ? html`<button
                type="button"
                class="primary"
                @click=${() => this.batch.openAfter(drawn.origin.queue.queue, drawn.closed?.step ?? "")}
              >
                ${t("sample.rest")}
              </button>`
            : nothing}
          <button type="button" @click=${this.#leave}>${t(drawn.closed ? "sample.back" : "sample.leave")}</button>
        </span>
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      </section>
      <awct2-batch .store=${this.store} .player=${this.player} @done=${this.#leave}></awct2-batch>`;
  }

  #progress(drawn: Drawn): TemplateResult {
    const k = drawn.sample.queue.count;
    const done = [...this.#decided.values()].filter(Boolean).length;
    const progress = t("sample.progress", { done, k });
    return html`<p>
        ${t("sample.about", { k, of: drawn.sample.of })}
        <span class="muted">${t("sample.seed")} ${String(drawn.sample.seed)}</span>
      </p>
      <progress max=${k} value=${done} aria-label=${progress}></progress>
      <span>${progress}</span>
      <button
        type="button"
        class=${done >= k ? "primary" : ""}
        ?disabled=${done === 0 || this.isBusy}
        @click=${this.#close}
      >
        ${t("sample.finish")}
      </button>`;
  }

  #told(closed: SampleClosed): TemplateResult {
    if (closed.k === 0) return html`<p class="result" role="status">${t("sample.nothing")}</p>`;
    const result = { wrong: number(closed.wrong), k: number(closed.k), bound: bound(closed.bound) };
    return html`<p class="result" role="status">
      ${count(closed.wrong, "sample.result", result)}
      ${closed.skipped > 0 ? count(closed.skipped, "sample.skipped") : nothing}
      <strong>${t("sample.bound", result)}</strong>
    </p>`;
  }

  /** Notes what has been decided where the reviewer is and was: the sample is as long as somebody likes. */
  #look(drawn: Drawn): void {
    if (drawn.sample.sample !== this.#sample) {
      this.#sample = drawn.sample.sample;
      this.#decided.clear();
    }
    const { position } = this.store;
    for (const at of [position - 1, position, position + 1]) {
      const row = this.store.rowAt(at);
      if (row) this.#decided.set(row.row, row.status !== "open" && row.status !== "conflict");
    }
  }

  async #close(): Promise<void> {
    const isHere = this.shadowRoot?.activeElement !== null;
    this.isBusy = true;
    this.error = "";
    try {
      await this.store.samples.close();
      await this.updateComplete;
      // the button that was pressed is gone: by keys, what came of it is what comes next
      if (isHere) this.renderRoot.querySelector<HTMLElement>(".end button")?.focus();
    } catch (error) {
      this.error = problemText(error);
    } finally {
      this.isBusy = false;
    }
  }

  #leave(): void {
    this.error = "";
    this.store.samples.leave();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-sample": SampleBar;
  }
}
