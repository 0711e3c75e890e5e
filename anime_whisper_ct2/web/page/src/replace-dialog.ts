/** Replaces in all texts of the queue, by rules; what would change is shown first, each with a tick. */

import { type TemplateResult, css, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { ReplacePreview, Rule } from "./api.js";
import "./change-list.js";
import { isAborted } from "./client.js";
import { DialogBase } from "./dialog-base.js";
import { count, t } from "./messages.js";
import { dialogStyles, panelStyles } from "./panel-styles.js";
import { offered, textOf } from "./rule-files.js";

const EMPTY: Rule = { find: "", replace: "", regex: false };

@customElement("awct2-replace")
export class ReplaceDialog extends DialogBase {
  static override styles = [
    panelStyles,
    dialogStyles,
    css`
      dialog {
        width: min(56rem, 94vw);
      }
      .rules {
        display: grid;
        grid-template-columns: 1fr 1fr auto auto;
        gap: 0.4rem 0.6rem;
        align-items: center;
      }
      .rules input[type="text"] {
        width: 100%;
        min-width: 0;
      }
      .line {
        margin-block: 0.75rem;
      }
    `,
  ];

  @state() private rules: Rule[] = [{ ...EMPTY }];
  @state() private preview: ReplacePreview | null = null;
  @state() private error = "";
  @state() private isBusy = false;
  @query("input[type=file]") private file!: HTMLInputElement;
  #except = new Set<number>();
  #asked: AbortController | null = null;

  protected override opened(): void {
    this.#forget();
  }

  protected override closed(): void {
    this.#forget();
  }

  override render(): TemplateResult {
    const { queue } = this.store;
    const body = html`
      <p class="muted">${count(queue?.count ?? 0, "replace.scope")}</p>
      ${this.drafts()}
      <form id="rules" @submit=${this.#look}>
        <div class="rules" role="group" aria-label=${t("replace.rules")}>
          ${this.rules.map((rule, index) => this.#rule(rule, index))}
        </div>
        <div class="line">
          <button type="button" @click=${() => this.#change([...this.rules, { ...EMPTY }])}>${t("replace.add")}</button>
          <button type="button" @click=${() => this.file.click()}>${t("replace.load")}</button>
          <button type="button" ?disabled=${this.#set().length === 0} @click=${this.#save}>${t("replace.save")}</button>
          <button type="submit" ?disabled=${this.#set().length === 0 || this.isBusy}>${t("replace.preview")}</button>
        </div>
        <input type="file" accept=".csv,text/csv" hidden aria-label=${t("replace.load")} @change=${this.#load} />
      </form>
      ${this.preview ? this.#shown(this.preview) : nothing}
      <p class="error" role="alert">${this.error}</p>
    `;
    return this.framed(t("replace.title"), body, this.#foot());
  }

  #rule(rule: Rule, index: number): TemplateResult {
    const n = index + 1;
    const text = (name: "find" | "replace") =>
      html`<input
        type="text"
        lang="ja"
        autocomplete="off"
        spellcheck="false"
        ?autofocus=${index === 0 && name === "find"}
        aria-label=${t(`replace.${name}_n`, { n })}
        placeholder=${t(`replace.${name}`)}
        .value=${live(rule[name])}
        @input=${(event: Event) => this.#edit(index, { [name]: (event.target as HTMLInputElement).value })}
      />`;
    return html`${text("find")}${text("replace")}
      <label class="check">
        <input
          type="checkbox"
          .checked=${live(rule.regex)}
          @change=${(event: Event) => this.#edit(index, { regex: (event.target as HTMLInputElement).checked })}
        aria-label=${t("replace.regex_n", { n })}
        />${t("filters.regex")}
      </label>
      <button
        type="button"
        class="quiet"
        aria-label=${t("replace.remove_n", { n })}
        ?disabled=${this.rules.length === 1 && rule.find === "" && rule.replace === ""}
        @click=${() => this.#remove(index)}
      >
        ✕
      </button>`;
  }

  #shown(preview: ReplacePreview): TemplateResult {
    const more = preview.count - preview.changes.length;
    return html`<div class="line" role="status">
        <span class="figure">${count(preview.count, "replace.changing")}</span>
        ${more > 0 ? html`<span class="muted">${t("replace.more", { n: more })}</span>` : nothing}
        ${preview.left_out > 0
          ? html`<span class="muted">${count(preview.left_out, "replace.left_out")}</span>`
          : nothing}
        ${preview.count > 0
          ? html`<button type="button" @click=${() => this.#tickAll(true)}>${t("replace.all")}</button>
              <button type="button" @click=${() => this.#tickAll(false)}>${t("replace.none")}</button>`
          : nothing}
      </div>
      ${preview.count > 0
        ? html`<awct2-changes
            .changes=${preview.changes}
            .except=${this.#except}
            @ticked=${() => this.requestUpdate()}
          ></awct2-changes>`
        : nothing}`;
  }

  #foot(): TemplateResult {
    const n = this.preview ? this.preview.count - this.#except.size : 0;
    return html`<button type="button" @click=${() => this.close()}>${t("dialog.cancel")}</button>
      <button type="button" class="primary" ?disabled=${n === 0 || this.isBusy} @click=${this.#carryOut}>
        ${this.isBusy ? t("dialog.wait") : count(n, "replace.do")}
      </button>`;
  }

  #set(): Rule[] {
    return this.rules.filter((rule) => rule.find !== "");
  }

  #edit(index: number, change: Partial<Rule>): void {
    this.#change(this.rules.map((rule, at) => (at === index ? { ...rule, ...change } : rule)));
  }

  #remove(index: number): void {
    const left = this.rules.filter((_, at) => at !== index);
    this.#change(left.length > 0 ? left : [{ ...EMPTY }]);
  }

  /** What was shown is that of other rules now. */
  #change(rules: Rule[]): void {
    this.rules = rules;
    this.#forget();
  }

  #forget(): void {
    this.#asked?.abort();
    this.preview = null;
    this.error = "";
    this.isBusy = false;
    this.#except = new Set();
  }

  #tickAll(isTicked: boolean): void {
    this.#except = new Set(isTicked ? [] : this.preview?.changes.map((change) => change.row));
    this.requestUpdate();
  }

  async #look(event: Event): Promise<void> {
    event.preventDefault();
    this.#forget();
    const asked = new AbortController();
    this.#asked = asked;
    this.isBusy = true;
    try {
      this.preview = await this.store.previewReplace(this.#set(), asked.signal);
      this.isBusy = false;
    } catch (error) {
      if (isAborted(error)) return;
      this.isBusy = false;
      this.error = this.told(error);
    }
  }

  async #carryOut(): Promise<void> {
    if (!this.preview) return;
    this.isBusy = true;
    this.error = "";
    try {
      const done = await this.store.replace({ preview: this.preview.preview, except: [...this.#except] });
      this.close();
      this.store.say(count(done.count, "replace.done"));
    } catch (error) {
      if (!this.endedBy(error)) this.error = this.told(error);
    } finally {
      this.isBusy = false;
    }
  }

  async #load(): Promise<void> {
    const file = this.file.files?.[0];
    this.file.value = "";
    if (!file) return;
    try {
      const rules = await this.store.client.readRules(await textOf(file));
      this.#change(rules.length > 0 ? rules : [{ ...EMPTY }]);
    } catch (error) {
      this.error = this.told(error);
    }
  }

  async #save(): Promise<void> {
    try {
      offered(await this.store.client.writeRules(this.#set()), "rules.csv");
    } catch (error) {
      this.error = this.told(error);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-replace": ReplaceDialog;
  }
}
