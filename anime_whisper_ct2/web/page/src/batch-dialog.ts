/** Decides on all of the queue at once, or on what is left after a random sample of it has been listened to. */

import { type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Batch, BatchPreview, Row } from "./api.js";
import { isAborted } from "./client.js";
import { DialogBase } from "./dialog-base.js";
import { lasting } from "./format.js";
import { type MessageKey, count, named, t } from "./messages.js";
import { dialogStyles, panelStyles } from "./panel-styles.js";
import type { Player } from "./player.js";

type Many = Batch["action"];

const ACTIONS: readonly Many[] = ["accept", "reject", "tag"];
const SAMPLE = 300; // with none wrong, at most 1 % of the rest are, with 95 % confidence

@customElement("awct2-batch")
export class BatchDialog extends DialogBase {
  static override styles = [
    panelStyles,
    dialogStyles,
    css`
      ol {
        padding: 0;
        list-style: none;
      }
      .sample {
        margin-top: 1.25rem;
        padding-top: 1rem;
        border-top: 1px solid var(--line);
      }
      .sample h3 {
        margin-top: 0;
      }
      .sample input {
        width: 6rem;
      }
    `,
  ];

  @property({ attribute: false }) player!: Player;
  @state() private action: Many = "accept";
  @state() private tag = "";
  @state() private isAll = false;
  @state() private preview: BatchPreview | null = null;
  @state() private error = "";
  @state() private isBusy = false;
  #queue = 0;
  #sample: string | undefined;
  #asked: AbortController | null = null;

  /** Opens it for what is left of a queue after a sample of it was listened to; the sample's step goes into the log. */
  openAfter(queue: number, sample: string): void {
    this.#sample = sample;
    this.#queue = queue;
    this.action = "accept";
    this.open();
  }

  protected override opened(): void {
    if (this.#sample === undefined) this.#queue = this.store.queue?.queue ?? 0;
    this.isAll = false;
    this.isBusy = false;
    void this.#look();
  }

  protected override closed(): void {
    this.#asked?.abort();
    this.player.pause();
    this.#sample = undefined;
    this.preview = null;
    this.error = "";
  }

  override render(): TemplateResult {
    const title = this.#sample === undefined ? t("batch.title") : t("batch.title_rest");
    const body = html`
      <fieldset>
        <legend>${t("batch.what")}</legend>
        ${ACTIONS.map(
          (action) =>
            html`<label class="check">
              <input
                type="radio"
                name="action"
                ?autofocus=${action === "accept"}
                .checked=${live(this.action === action)}
                @change=${() => this.#choose(() => (this.action = action))}
              />${t(`batch.${action}` as MessageKey)}
            </label>`,
        )}
        ${this.action === "tag" ? this.#tagField() : nothing}
      </fieldset>
      <label class="check">
        <input
          type="checkbox"
          .checked=${live(!this.isAll)}
          @change=${(event: Event) => this.#choose(() => (this.isAll = !(event.target as HTMLInputElement).checked))}
        />${t("batch.only_undecided")}
      </label>
      ${this.drafts()} ${this.#shown()} ${this.#sample === undefined ? this.#sampling() : nothing}
      <p class="error" role="alert">${this.error}</p>
    `;
    return this.framed(title, body, this.#foot());
  }

  #tagField(): TemplateResult {
    return html`<label class="field">
        <span>${t("batch.tag_name")}</span>
        <input
          type="text"
          list="known"
          maxlength="100"
          autocomplete="off"
          .value=${live(this.tag)}
          @input=${(event: Event) => (this.tag = (event.target as HTMLInputElement).value)}
        />
      </label>
      <datalist id="known">
        ${(this.store.state?.tags ?? []).map((tag) => html`<option value=${tag}></option>`)}
      </datalist>`;
  }

  #shown(): TemplateResult {
    const { preview } = this;
    if (preview === null) return html`<p class="muted" aria-busy="true">${t("dialog.wait")}</p>`;
    const about = `${count(preview.count, "batch.segment")} · ${lasting(preview.seconds)}`;
    return html`<p class="figure" role="status">${about}</p>
      ${preview.count > 0
        ? html`<h3>${t("batch.examples")}</h3>
            <ol class="examples">
              ${preview.examples.map((row) => this.#example(row))}
            </ol>`
        : nothing}`;
  }

  #example(row: Row): TemplateResult {
    return html`<li>
      <button
        type="button"
        aria-label=${t("batch.play", { id: row.id })}
        @click=${() => void this.player.playOther(row)}
      >
        ▶
      </button>
      <span lang="ja">${row.text || html`<em>${t("batch.no_text")}</em>`}</span>
      <span class="muted"
        ><bdi>${row.id}</bdi> · ${named("status", row.status)}${row.flags.map((flag) => ` · ${named("flag", flag)}`)}</span
      >
    </li>`;
  }

  #sampling(): TemplateResult {
    const undecided = this.preview?.count ?? 0;
    const most = this.isAll && undecided > 0 ? (this.store.queue?.count ?? 0) : undecided;
    return html`<form class="sample" @submit=${this.#draw}>
      <h3>${t("batch.sample")}</h3>
      <p>${t("batch.sample_why")}</p>
      <div class="line">
        <label class="field">
          <span>${t("batch.sample_k")}</span>
          <input
            type="number"
            name="k"
            min="1"
            max=${most}
            required
            .value=${String(Math.min(SAMPLE, most))}
            ?disabled=${most === 0}
          />
        </label>
        <button type="submit" ?disabled=${most === 0 || this.isBusy}>${t("batch.sample_draw")}</button>
      </div>
    </form>`;
  }

  #foot(): TemplateResult {
    const n = this.preview?.count ?? 0;
    const isReady = n > 0 && !this.isBusy && (this.action !== "tag" || this.tag.trim() !== "");
    return html`<button type="button" @click=${() => this.close()}>${t("dialog.cancel")}</button>
      <button type="button" class="primary" ?disabled=${!isReady} @click=${this.#carryOut}>
        ${this.isBusy ? t("dialog.wait") : count(n, `batch.do_${this.action}`)}
      </button>`;
  }

  #choose(change: () => void): void {
    change();
    void this.#look();
  }

  #batch(): Batch {
    const batch: Batch = {
      queue: this.#queue,
      action: this.action,
      value: this.action === "tag" ? { add: [this.tag.trim()], remove: [] } : null,
      only_undecided: !this.isAll,
    };
    if (this.#sample !== undefined && this.action === "accept") batch.sample = this.#sample;
    return batch;
  }

  async #look(): Promise<void> {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    this.error = "";
    try {
      // Whatever the tag will be called: how many would get it does not depend on its name.
      const batch = { ...this.#batch(), ...(this.action === "tag" ? { value: { add: ["tag"], remove: [] } } : {}) };
      this.preview = await this.store.previewBatch(batch, asked.signal);
    } catch (error) {
      if (isAborted(error)) return;
      this.preview = null;
      this.error = this.told(error);
    }
  }

  async #carryOut(): Promise<void> {
    this.isBusy = true;
    this.error = "";
    try {
      const done = await this.store.batch(this.#batch());
      this.close();
      this.store.say(count(done.count, `batch.done_${this.action}`));
      this.dispatchEvent(new CustomEvent("done"));
    } catch (error) {
      if (!this.endedBy(error)) this.error = this.told(error);
    } finally {
      this.isBusy = false;
    }
  }

  async #draw(event: Event): Promise<void> {
    event.preventDefault();
    const k = (new FormData(event.target as HTMLFormElement).get("k") ?? "").toString();
    this.isBusy = true;
    try {
      await this.store.samples.draw(Number(k), !this.isAll);
      this.close();
    } catch (error) {
      this.error = this.told(error);
    } finally {
      this.isBusy = false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-batch": BatchDialog;
  }
}
