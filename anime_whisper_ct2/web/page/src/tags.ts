/** The tags of the current segment: taken away by a press, put on by name. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { asked } from "./asking.js";
import { following } from "./following.js";
import { isComposing } from "./keys.js";
import { t } from "./messages.js";
import { panelStyles } from "./panel-styles.js";
import type { Store } from "./store.js";

@customElement("awct2-tags")
export class Tags extends LitElement {
  static override styles = [
    panelStyles,
    css`
      :host {
        display: block;
      }
      div {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.4rem;
      }
      ul {
        display: contents;
        list-style: none;
      }
      input {
        width: 9rem;
      }
      .cross {
        margin-inline-start: 0.3rem;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @query("input") private box!: HTMLInputElement;
  #of = -1;

  constructor() {
    super();
    following(this, () => [this.store]);
  }

  /** Puts the caret where a tag is typed. */
  focusInput(): void {
    this.box?.focus();
  }

  override updated(): void {
    const row = this.store.row?.row ?? -1;
    if (row === this.#of) return;
    this.#of = row;
    if (this.box) this.box.value = ""; // half a tag of another clip is none of this one's
  }

  override render(): TemplateResult | typeof nothing {
    const row = this.store.row;
    if (!row) return nothing;
    const others = (this.store.state?.tags ?? []).filter((tag) => !row.tags.includes(tag));
    return html`<div role="group" aria-label=${t("tags.name")}>
      <ul>
        ${row.tags.map(
          (tag) =>
            html`<li>
              <button
                type="button"
                class="chip tag"
                aria-label=${t("tags.remove", { tag })}
                @click=${() => this.#remove(tag)}
              >
                ${tag}<span class="cross" aria-hidden="true">✕</span>
              </button>
            </li>`,
        )}
      </ul>
      <input
        type="text"
        list="known"
        autocomplete="off"
        spellcheck="false"
        maxlength="100"
        aria-label=${t("tags.add")}
        placeholder=${t("tags.add")}
        @keydown=${this.#key}
      />
      <datalist id="known">${others.map((tag) => html`<option value=${tag}></option>`)}</datalist>
    </div>`;
  }

  #remove(tag: string): void {
    void this.store.decide("tag", { add: [], remove: [tag] });
    this.focusInput();
  }

  #key(event: KeyboardEvent): void {
    // Enter and Escape that end a conversion of the input method belong to it alone.
    if (isComposing(event)) return;
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    const tag = this.box.value.trim();
    this.box.value = "";
    if (event.key === "Enter" && tag !== "") void this.store.decide("tag", { add: [tag], remove: [] });
    else asked(this, "leave");
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-tags": Tags;
  }
}
