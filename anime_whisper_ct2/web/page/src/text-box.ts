/** The box in which a text is edited: doubtful characters are marked behind it, and a click with Alt plays from one. */
import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { following } from "./following.js";
import { shown, type KeyMap } from "./keys.js";
import { t } from "./messages.js";
import type { Player } from "./player.js";
import { firstDoubtful, placed, type Placed, stretches, timeAt } from "./spoken.js";
import type { Store } from "./store.js";
import { shared } from "./styles.js";

// a text is one line: what a paste brings along becomes a space
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

@customElement("awct2-text")
export class TextBox extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      .box {
        display: grid;
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .box.draft {
        border-color: var(--mark);
      }
      textarea,
      .marks {
        grid-area: 1 / 1;
        min-height: 4.4em;
        margin: 0;
        padding: 0.6rem 0.75rem;
        border: 0;
        font: 400 1.25rem/1.65 var(--sans);
        letter-spacing: normal;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        word-break: normal;
      }
      textarea {
        width: 100%;
        background: none;
        resize: none;
        overflow: hidden;
        border-radius: var(--radius);
        z-index: 1;
      }
      .marks {
        color: transparent;
        user-select: none;
        pointer-events: none;
      }
      .marks mark {
        color: transparent;
        background: var(--mark-soft);
        text-decoration: underline 2px var(--mark);
        text-underline-offset: 0.25em;
      }
      p {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.25rem 0.75rem;
        min-height: 2rem;
        margin: 0.25rem 0 0;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .kept {
        color: var(--mark);
      }
      p button {
        min-height: 1.75rem;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;
  @property({ attribute: false }) player!: Player;
  @property({ attribute: false }) keys!: KeyMap;
  @query("textarea") private area!: HTMLTextAreaElement;
  @query(".marks") private marks!: HTMLElement;
  #of = -1;

  constructor() {
    super();
    following(this, () => [this.store, this.keys]);
  }

  /** Where the caret is, in UTF-16 units. */
  get caret(): number {
    return this.area.selectionStart;
  }

  get hasFocus(): boolean {
    return this.shadowRoot?.activeElement === this.area;
  }

  /** Puts the caret where the text is doubtful first, else at its end. */
  edit(): void {
    const at = firstDoubtful(this.#words()) ?? this.area.value.length;
    this.area.focus();
    this.area.setSelectionRange(at, at);
  }

  override render(): TemplateResult {
    const { store } = this;
    const words = this.#words();
    const marks = stretches(store.text, words);
    return html`<div class="box ${store.isDraft ? "draft" : ""}">
        <div class="marks" aria-hidden="true" lang="ja">${marks.map((part) => marked(part))}${"\u200b"}</div>
        <textarea
          lang="ja"
          aria-label=${t("pane.text")}
          aria-describedby="hint"
          rows="1"
          spellcheck="false"
          ?readonly=${!store.row}
          autocomplete="off"
          .value=${live(store.text)}
          @input=${(event: InputEvent) => this.#typed(event)}
          @compositionend=${() => this.#taken()}
          @beforeinput=${(event: InputEvent) => this.#inserting(event)}
          @click=${(event: MouseEvent) => this.#clicked(event)}
        ></textarea>
      </div>
      <p id="hint">
        ${store.isDraft
          ? html`<span class="kept">${t("pane.draft", { key: this.#key("keep") })}</span>
              ${store.isOutdated ? html`<strong class="kept" role="status">${t("draft.outdated")}</strong>` : nothing}
              <button type="button" class="quiet" @click=${() => store.type(null)}>${t("pane.revert")}</button>`
          : html`<span>${this.#hint()}</span>`}
        ${words.length > 0 ? html`<span>${t("pane.marks_hint")}</span>` : nothing}
      </p>`;
  }

  override updated(): void {
    const row = this.store.row?.row ?? -1;
    if (row === this.#of) return;
    // another clip: the caret of the last one means nothing in it
    this.#of = row;
    if (!this.hasFocus) this.area.setSelectionRange(0, 0);
  }

  #hint(): string {
    return t("pane.text_hint", { edit: this.#key("edit"), keep: this.#key("keep"), leave: this.#key("leave") });
  }

  #key(id: "edit" | "keep" | "leave"): string {
    const first = this.keys.of(id)[0];
    return first === undefined ? "–" : shown(first);
  }

  #words(): Placed[] {
    const { detail, text } = this.store;
    return detail ? placed(text, detail.words) : [];
  }

  #typed(event: InputEvent): void {
    if (!event.isComposing) this.#taken();
    // what is being converted is shown as it is, and kept already: nothing typed vanishes
    else this.store.type(this.area.value);
  }

  #taken(): void {
    const text = this.area.value.replace(BREAKS, " ").replace(CONTROLS, "");
    if (text !== this.area.value) {
      const caret = this.area.selectionStart;
      this.area.value = text;
      this.area.setSelectionRange(caret, caret);
    }
    this.store.type(text);
  }

  #inserting(event: InputEvent): void {
    // a text is one line
    if (event.inputType === "insertLineBreak" || event.inputType === "insertParagraph") event.preventDefault();
  }

  #clicked(event: MouseEvent): void {
    if (!event.altKey) return;
    const at_s = timeAt(characterAt(this.marks, event) ?? this.area.selectionStart, this.#words());
    if (at_s !== null) this.player.playFrom(at_s);
  }
}

/** Which character of `drawn` is at a point: the caret of a click in its right half would be behind it. */
function characterAt(drawn: HTMLElement, { clientX: x, clientY: y }: MouseEvent): number | null {
  const range = document.createRange();
  const texts = document.createTreeWalker(drawn, NodeFilter.SHOW_TEXT);
  for (let before = 0; texts.nextNode(); ) {
    const { currentNode: text } = texts;
    const length = text.nodeValue?.length ?? 0;
    for (let index = 0; index < length; index++) {
      range.setStart(text, index);
      range.setEnd(text, index + 1);
      const boxes = [...range.getClientRects()];
      if (boxes.some((box) => x >= box.left && x < box.right && y >= box.top && y < box.bottom)) return before + index;
    }
    before += length;
  }
  return null;
}

function marked(part: { text: string; doubtful: boolean }): TemplateResult {
  return part.doubtful ? html`<mark>${part.text}</mark>` : html`${part.text}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-text": TextBox;
  }
}
