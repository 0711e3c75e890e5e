/** What a replacement would change: before and after, each with a tick; only those on screen are in the page. */

import {
  Virtualizer,
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
} from "@tanstack/virtual-core";
import { LitElement, type PropertyValues, type TemplateResult, css, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";
import type { ReplacePreview } from "./api.js";
import { diffStyles, marked } from "./diff-view.js";
import { characterDiff } from "./diffing.js";
import { t } from "./messages.js";
import { panelStyles } from "./panel-styles.js";

type Change = ReplacePreview["changes"][number];

const HEIGHT_PX = 76; // of a change in two lines; longer ones are measured

@customElement("awct2-changes")
export class ChangeList extends LitElement {
  static override styles = [
    panelStyles,
    diffStyles,
    css`
      :host {
        display: block;
        min-height: 6rem;
      }
      .scroll {
        max-height: 20rem;
        overflow-y: auto;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      .all {
        position: relative;
        margin: 0;
      }
      .change {
        position: absolute;
        inset-inline: 0;
        top: 0;
        border-bottom: 1px solid var(--line);
      }
      label {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.15rem 0.6rem;
        align-items: baseline;
        padding: 0.4rem 0.6rem;
      }
      label > span {
        grid-column: 2;
        min-width: 0;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) changes: Change[] = [];
  /** The rows that are not ticked; the list changes the set itself and says "ticked". */
  @property({ attribute: false }) except = new Set<number>();
  @query(".scroll") private scroller!: HTMLElement;
  #virtual: Virtualizer<HTMLElement, HTMLElement> | null = null;
  #unmount: (() => void) | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unmount?.();
    this.#virtual = null;
  }

  override render(): TemplateResult {
    const virtual = this.#virtual;
    const items = virtual?.getVirtualItems() ?? [];
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("replace.changes")}>
      <div class="all" role="list" .style=${`height: ${virtual?.getTotalSize() ?? 0}px`}>
        ${repeat(
          items,
          (item) => item.key,
          (item) => this.#change(item.index, item.start),
        )}
      </div>
    </div>`;
  }

  override updated(changed: PropertyValues<this>): void {
    if (!this.#virtual) this.#mount();
    if (changed.has("changes")) {
      this.#virtual?.setOptions({ ...this.#virtual.options, count: this.changes.length });
      this.#virtual?.measure();
      this.#virtual?.scrollToOffset(0);
    }
    this.#virtual?._willUpdate();
    for (const item of this.renderRoot.querySelectorAll<HTMLElement>(".change")) this.#virtual?.measureElement(item);
  }

  #mount(): void {
    this.#virtual = new Virtualizer<HTMLElement, HTMLElement>({
      count: this.changes.length,
      getScrollElement: () => this.scroller,
      getItemKey: (index) => this.changes[index]?.row ?? index,
      estimateSize: () => HEIGHT_PX,
      overscan: 6,
      observeElementRect,
      observeElementOffset,
      scrollToFn: elementScroll,
      measureElement,
      onChange: () => this.requestUpdate(),
    });
    this.#unmount = this.#virtual._didMount();
    this.requestUpdate();
  }

  #change(index: number, start_px: number): TemplateResult {
    const change = this.changes[index] as Change;
    const parts = characterDiff(change.before, change.after);
    // Styles as properties: the content security policy takes no style attribute, and styleMap begins with one.
    return html`<div
      class="change"
      role="listitem"
      data-index=${index}
      aria-posinset=${index + 1}
      aria-setsize=${this.changes.length}
      .style=${`transform: translateY(${start_px}px)`}
    >
      <label>
        <input
          type="checkbox"
          .checked=${live(!this.except.has(change.row))}
          @change=${(event: Event) => this.#tick(change.row, (event.target as HTMLInputElement).checked)}
        />
        <span>${marked(parts, "here")}</span>
        <span>${marked(parts, "other")}</span>
        <span class="muted">${change.id}</span>
      </label>
    </div>`;
  }

  #tick(row: number, isTicked: boolean): void {
    if (isTicked) this.except.delete(row);
    else this.except.add(row);
    this.dispatchEvent(new CustomEvent("ticked"));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-changes": ChangeList;
  }
}
