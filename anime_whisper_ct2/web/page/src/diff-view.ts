/** Two texts beneath each other, with what differs marked: by lines and strokes, not by colour alone. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Detail, DiffPart } from "./api.js";
import { asked } from "./asking.js";
import { following } from "./following.js";
import { number, t } from "./messages.js";
import { panelStyles } from "./panel-styles.js";
import type { Store } from "./store.js";

export const diffStyles = css`
  .diff {
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }
  .diff del,
  .diff ins {
    border-radius: 2px;
    padding-inline: 1px;
    text-decoration-thickness: 2px;
    text-underline-offset: 3px;
  }
  .diff del {
    color: var(--removed);
    background: var(--removed-back);
    text-decoration-line: line-through;
  }
  .diff ins {
    color: var(--added);
    background: var(--added-back);
    text-decoration-line: underline;
  }
  .gap::before {
    content: "⌃";
    color: var(--muted);
  }
`;

/** One of two compared texts: what only it has is marked as taken away (`here`) or put in (`other`). */
export function marked(parts: readonly DiffPart[], side: "here" | "other"): TemplateResult {
  return html`<span class="diff" lang="ja"
    >${parts.map((part) => {
      const text = part[side];
      if (part.kind === "equal") return text;
      if (text === "") return html`<span class="gap" aria-hidden="true"></span>`;
      return side === "here" ? html`<del>${text}</del>` : html`<ins>${text}</ins>`;
    })}</span
  >`;
}

/** The text of the second run beside that of the current segment. */
@customElement("awct2-diff")
export class DiffView extends LitElement {
  static override styles = [
    panelStyles,
    diffStyles,
    css`
      :host {
        display: block;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 0.25rem 0.75rem;
        margin: 0;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
      }
      .foot {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.75rem;
        margin-top: 0.5rem;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;

  constructor() {
    super();
    following(this, () => [this.store]);
  }

  override render(): TemplateResult | typeof nothing {
    const { detail, state } = this.store;
    if (!detail || !state?.against || detail.other === null) return nothing;
    const isSame = detail.other === detail.text;
    return html`<section aria-label=${t("diff.name")}>
      <dl>
        <dt>${t("diff.here")}</dt>
        <dd>${marked(detail.diff, "here")}</dd>
        <dt><bdi>${state.against}</bdi></dt>
        <dd>${detail.other === "" ? html`<em>${t("diff.no_text")}</em>` : marked(detail.diff, "other")}</dd>
      </dl>
      <div class="foot">
        <button type="button" ?disabled=${isSame || detail.other === ""} @click=${this.#take}>
          ${t("diff.take")}
        </button>
        <span class="muted">${isSame ? t("diff.same") : measured(detail, state.normalizer)}</span>
      </div>
    </section>`;
  }

  #take(): void {
    asked(this, "other");
    asked(this, "leave");
  }
}

function measured(detail: Detail, normalizer: string): string {
  const cer = detail.cer === null ? "–" : number(detail.cer, 1);
  return t("diff.measured", { cer, normalizer });
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-diff": DiffView;
  }
}
