/** What is in the queue and in which order: selects, search, the finer filters, and how much they leave. */

import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { isDescendingFirst, SORTS } from "./address.js";
import type { Filters, Sort } from "./api.js";
import { asked } from "./asking.js";
import { type Choice, counted, flags, plain, speakers, statuses } from "./filter-choices.js";
import { filtersStyles } from "./filters-styles.js";
import { following } from "./following.js";
import { lasting } from "./format.js";
import { type MessageKey, count, t } from "./messages.js";
import { type KeyMap, isComposing } from "./keys.js";
import { panelStyles } from "./panel-styles.js";
import type { Store } from "./store.js";

const TYPING_MS = 250; // as long as a pause between two keys of somebody who is still typing
const RANGES = [
  { low: "min_s", high: "max_s", label: "filters.length", step: "0.1" },
  { low: "min_logprob", high: "max_logprob", label: "filters.logprob", step: "0.05" },
  { low: "min_cps", high: "max_cps", label: "filters.cps", step: "0.5" },
] as const;
const FINER = ["tag", "by", "path", "differs", ...RANGES.flatMap((range) => [range.low, range.high])] as const;

/** The filters of the queue. They freeze it: what is decided stays in its place until the queue is made anew. */
@customElement("awct2-filters")
export class FiltersBar extends LitElement {
  static override styles = [panelStyles, filtersStyles];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) keys!: KeyMap;
  @state() private typed: string | null = null;
  @state() private isOpen = false;
  @query("input[type=search]") private box!: HTMLInputElement;
  #timer = 0;

  constructor() {
    super();
    following(this, () => [this.store, this.keys]);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** Puts the caret into the search. */
  focusSearch(): void {
    this.box.focus();
    this.box.select();
  }

  override render(): TemplateResult {
    const { refused } = this.store;
    return html`<section role="search" aria-label=${t("filters.name")}>
      <div class="row">
        ${this.#select("flag", t("filters.flag"), flags(this.store))}
        ${this.#select("status", t("filters.status"), statuses(this.store))}
        ${this.#select("speaker", t("filters.speaker"), speakers(this.store))} ${this.#search()} ${this.#order()}
      </div>
      <p id="refused" class="error" aria-live="assertive">${refused?.problem ?? nothing}</p>
      <div class="row">${this.#figures()}</div>
      <div class="row finer" id="finer" ?hidden=${!this.isOpen}>${this.isOpen ? this.#finer() : nothing}</div>
    </section>`;
  }

  /** As they are asked for; those that the server has refused stay in their fields, to be mended. */
  get #filters(): Filters {
    return (this.store.refused ?? this.store).request.filters;
  }

  #select(name: "flag" | "status" | "speaker" | "tag" | "by", label: string, choices: Choice[]): TemplateResult {
    const value = this.#filters[name] ?? "";
    const known = choices.some((choice) => choice.value === value);
    const all = known ? choices : [...choices, { value, label: value }];
    return html`<label class="field">
      <span>${label}</span>
      <select @change=${(event: Event) => this.#set({ [name]: (event.target as HTMLSelectElement).value })}>
        ${all.map(
          (choice) =>
            html`<option value=${choice.value} .selected=${live(choice.value === value)}>${choice.label}</option>`,
        )}
      </select>
    </label>`;
  }

  #search(): TemplateResult {
    const filters = this.#filters;
    const isRefused = this.store.refused !== null && this.typed === null && (filters.regex ?? false);
    return html`<label class="field search">
        <span>${t("filters.search")}</span>
        <input
          type="search"
          lang="ja"
          autocomplete="off"
          spellcheck="false"
          aria-keyshortcuts=${this.keys.aria("search") || nothing}
          aria-invalid=${isRefused}
          aria-errormessage=${isRefused ? "refused" : nothing}
          .value=${live(this.typed ?? filters.search ?? "")}
          @input=${this.#type}
          @keydown=${this.#leave}
        />
      </label>
      <span class="field">
        <label class="check">
          <input
            type="checkbox"
            .checked=${live(filters.regex ?? false)}
            @change=${(event: Event) => this.#set({ regex: (event.target as HTMLInputElement).checked })}
          />${t("filters.regex")}
        </label>
        <label class="check" title=${t("filters.nfkc_why")}>
          <input
            type="checkbox"
            .checked=${live(filters.nfkc ?? false)}
            @change=${(event: Event) => this.#set({ nfkc: (event.target as HTMLInputElement).checked })}
          />${t("filters.nfkc")}
        </label>
      </span>`;
  }

  #order(): TemplateResult {
    const { sort, descending } = this.store.request;
    const sorts = this.store.state?.against ? SORTS : SORTS.filter((name) => name !== "cer" || sort === "cer");
    const take = (event: Event) => {
      const name = (event.target as HTMLSelectElement).value as Sort;
      this.store.setSort(name, isDescendingFirst(name));
    };
    return html`<label class="field">
        <span>${t("filters.sort")}</span>
        <select @change=${take}>
          ${sorts.map(
            (name) =>
              html`<option value=${name} .selected=${live(name === sort)}>
                ${t(`filters.sort_${name}` as MessageKey)}
              </option>`,
          )}
        </select>
      </label>
      <button type="button" @click=${() => this.store.setSort(sort, !descending)}>
        <span aria-hidden="true">${descending ? "↓" : "↑"}</span> ${t(
          descending ? "filters.descending" : "filters.ascending",
        )}
      </button>`;
  }

  #finer(): TemplateResult {
    const { state } = this.store;
    const filters = this.#filters;
    return html`${RANGES.map((range) => this.#range(range))}
      <label class="field">
        <span>${t("filters.path")}</span>
        <input
          type="text"
          autocomplete="off"
          spellcheck="false"
          placeholder=${t("filters.path_example")}
          @keydown=${this.#done}
          .value=${live(filters.path ?? "")}
          @change=${(event: Event) => this.#set({ path: (event.target as HTMLInputElement).value })}
        />
      </label>
      ${this.#select("tag", t("filters.tag"), plain(state?.tags ?? []))}
      ${this.#select("by", t("filters.by"), plain(state?.reviewers ?? []))}
      ${state?.against
        ? html`<label class="check">
            <input
              type="checkbox"
              .checked=${live(filters.differs ?? false)}
              @change=${(event: Event) => this.#set({ differs: (event.target as HTMLInputElement).checked })}
            />${t("filters.differs", { run: state.against })}
          </label>`
        : nothing}`;
  }

  #range({ low, high, label, step }: (typeof RANGES)[number]): TemplateResult {
    const bound = (name: typeof low | typeof high, says: MessageKey) =>
      html`<input
        type="number"
        step=${step}
        aria-label=${t(says, { what: t(label) })}
        .value=${live(String(this.#filters[name] ?? ""))}
        @keydown=${this.#done}
        @change=${(event: Event) => {
          const { valueAsNumber } = event.target as HTMLInputElement;
          this.#set({ [name]: Number.isFinite(valueAsNumber) ? valueAsNumber : undefined });
        }}
      />`;
    return html`<div class="field" role="group" aria-label=${t(label)}>
      <span aria-hidden="true">${t(label)}</span>
      <span class="range">${bound(low, "filters.at_least")}<span aria-hidden="true">–</span>${bound(
          high,
          "filters.at_most",
        )}</span>
    </div>`;
  }

  #figures(): TemplateResult {
    const { queue } = this.store;
    const filters = this.#filters;
    const isFiltered = Object.values(filters).some((value) => value !== undefined && value !== "" && value !== false);
    const finer = FINER.filter((name) => filters[name] !== undefined && filters[name] !== false).length;
    return html`<button
        type="button"
        aria-expanded=${this.isOpen}
        aria-controls="finer"
        @click=${() => (this.isOpen = !this.isOpen)}
      >
        ${finer > 0 ? counted(t("filters.more"), finer) : t("filters.more")}
      </button>
      <button type="button" title=${t("filters.refresh_why")} @click=${() => this.store.refreshQueue()}>
        ${t("filters.refresh")}
      </button>
      <button type="button" ?disabled=${!isFiltered} @click=${this.#clear}>${t("filters.clear")}</button>
      <span class="figures">
        ${queue ? `${count(queue.count, "filters.count")} · ${lasting(queue.seconds)}` : nothing}
      </span>`;
  }

  #type(event: Event): void {
    this.typed = (event.target as HTMLInputElement).value;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#ask(), TYPING_MS);
  }

  #ask(): void {
    clearTimeout(this.#timer);
    if (this.typed === null) return;
    const search = this.typed;
    this.typed = null;
    if (search !== (this.#filters.search ?? "")) this.#set({ search });
  }

  #leave(event: KeyboardEvent): void {
    if (!isDone(event)) return;
    this.#ask();
    asked(this, "leave");
  }

  #done(event: KeyboardEvent): void {
    if (isDone(event)) asked(this, "leave"); // what was changed is asked for as the field is left
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.typed = null;
    this.isOpen = false;
    this.store.setFilters({});
  }

  #set(change: { [Name in keyof Filters]?: Filters[Name] | undefined }): void {
    const entries = Object.entries({ ...this.#filters, ...change });
    const set = entries.filter(([, value]) => value !== undefined && value !== "" && value !== false);
    this.store.setFilters(Object.fromEntries(set) as Filters);
  }
}

/** Whether a field is left by its key; Enter and Escape that end a conversion of an input method belong to it alone. */
function isDone(event: KeyboardEvent): boolean {
  if (isComposing(event) || (event.key !== "Enter" && event.key !== "Escape")) return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-filters": FiltersBar;
  }
}
