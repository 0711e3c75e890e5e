/** What all dialogs of the page have in common. */

import { LitElement, type TemplateResult, html, nothing } from "lit";
import { property, query } from "lit/decorators.js";
import { isSaved } from "./client.js";
import { count, t } from "./messages.js";
import { problemText } from "./problems.js";
import type { Store } from "./store.js";

/**
 * A native modal dialog: the browser keeps the focus in it, closes it on Escape and gives the focus back.
 *
 * Its keys stay in it: those of the page would decide on a segment that is covered.
 */
export abstract class DialogBase extends LitElement {
  @property({ attribute: false }) store!: Store;
  @query("dialog") protected dialog!: HTMLDialogElement;

  get isOpen(): boolean {
    return this.dialog?.open ?? false;
  }

  /** Opens it; `opened` comes first, so that what it shows is that of now. */
  open(): void {
    if (this.isOpen) return;
    this.opened();
    this.requestUpdate();
    this.dialog.showModal();
  }

  close(): void {
    this.dialog.close();
  }

  protected opened(): void {}

  protected closed(): void {}

  /** A sentence about what went wrong. */
  protected told(error: unknown): string {
    return problemText(error);
  }

  /** Closes it where the change is on the disk although `error` came of it: it is not to be sent once more. */
  protected endedBy(error: unknown): boolean {
    if (!isSaved(error)) return false;
    this.close();
    return this.store.savedUnseen(error);
  }

  /** What was typed and not kept: what is done to many does not know of it. */
  protected drafts(): TemplateResult | typeof nothing {
    const n = this.store.drafts.count;
    return n > 0 ? html`<p class="unkept">${count(n, "batch.draft")}</p>` : nothing;
  }

  protected framed(title: string, body: TemplateResult, foot: TemplateResult): TemplateResult {
    return html`<dialog
      aria-labelledby="title"
      @close=${() => this.closed()}
      @keydown=${(event: KeyboardEvent) => event.stopPropagation()}
    >
      <div class="head">
        <h2 id="title">${title}</h2>
        <button type="button" class="quiet" aria-label=${t("dialog.close")} @click=${() => this.close()}>✕</button>
      </div>
      <div class="body" tabindex="0">${body}</div>
      <div class="foot">${foot}</div>
    </dialog>`;
  }
}
