/** Who decided what about the current segment, when; and where several disagree, what each of them made of it. */

import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Detail, Event as Past } from "./api.js";
import { diffStyles, marked } from "./diff-view.js";
import { characterDiff } from "./diffing.js";
import { following } from "./following.js";
import { clock, moment } from "./format.js";
import { named, t } from "./messages.js";
import { panelStyles } from "./panel-styles.js";
import type { Store } from "./store.js";

@customElement("awct2-history")
export class HistoryView extends LitElement {
  static override styles = [
    panelStyles,
    diffStyles,
    css`
      :host {
        display: block;
      }
      ol,
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li + li {
        margin-top: 0.35rem;
      }
      .rivals {
        padding: 0.6rem 0.75rem;
        margin-bottom: 0.75rem;
        border: 1px solid var(--warning);
        border-inline-start-width: 4px;
        border-radius: var(--radius);
      }
      .rivals li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem;
      }
      .rivals .text {
        flex: 1 1 12rem;
      }
      .rivals p {
        margin: 0 0 0.5rem;
      }
      .undone {
        text-decoration: line-through;
      }
      .value {
        overflow-wrap: anywhere;
        white-space: pre-wrap;
      }
    `,
  ];

  @property({ attribute: false }) store!: Store;

  constructor() {
    super();
    following(this, () => [this.store]);
  }

  override render(): TemplateResult | typeof nothing {
    const detail = this.store.detail;
    if (!detail) return nothing;
    return html`${detail.rivals.length > 0 ? this.#rivals(detail) : nothing}
      ${detail.text !== detail.original ? this.#original(detail) : nothing}
      ${detail.history.length > 0
        ? html`<ol aria-label=${t("history.name")} reversed>
            ${detail.history.toReversed().map((event) => past(event))}
          </ol>`
        : html`<p class="muted">${t("history.none")}</p>`}`;
  }

  #rivals(detail: Detail): TemplateResult {
    return html`<section class="rivals" aria-label=${t("history.conflict")}>
      <p>${t("history.conflict_why")}</p>
      <ul>
        ${detail.rivals.map(
          (rival) =>
            html`<li>
              <bdi>${rival.reviewer}</bdi>
              <span class="text"
                >${rival.rejected
                  ? html`<em>${named("status", "rejected")}</em>`
                  : marked(characterDiff(detail.original, rival.text), "other")}</span
              >
              <span class="muted">${moment(rival.at)}</span>
              <button
                type="button"
                aria-label=${t("history.take_whose", { who: rival.reviewer })}
                @click=${() => this.#take(rival)}
              >
                ${t("history.take")}
              </button>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  #take(rival: Detail["rivals"][number]): void {
    void (rival.rejected ? this.store.decide("reject") : this.store.decide("correct", rival.text));
  }

  #original(detail: Detail): TemplateResult {
    return html`<p>
      <span class="muted">${t("history.original")}</span>
      ${marked(characterDiff(detail.original, detail.text), "here")}
    </p>`;
  }
}

function past(event: Past): TemplateResult {
  return html`<li>
    <span class=${event.undone ? "undone" : ""}>
      <strong><bdi>${event.reviewer}</bdi></strong> ${named("action", event.action)}${event.batch
        ? html` <span class="muted">${t("history.batch")}</span>`
        : nothing}
      <span class="value" lang="ja">${valueOf(event)}</span>
    </span>
    ${event.undone ? html`<span class="muted">${t("history.undone")}</span>` : nothing}
    <time class="muted" datetime=${event.at}>${moment(event.at)}</time>
  </li>`;
}

/** What was decided, as far as it can be said in a line; the value comes from logs that anybody may have written. */
function valueOf(event: Past): string {
  const { value } = event;
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return "";
  // a split is logged as its pieces, a merge as what it made
  if (Array.isArray(value)) return value.map((piece: { text?: unknown } | null) => String(piece?.text ?? "")).join(" | ");
  const parts = value as Record<string, unknown>;
  if (typeof parts["text"] === "string") return parts["text"];
  const list = (name: string) => (Array.isArray(parts[name]) ? parts[name].map(String) : []);
  if (event.action === "tag") {
    return [...list("add").map((tag) => `+${tag}`), ...list("remove").map((tag) => `−${tag}`)].join(" ");
  }
  if (event.action === "trim" && typeof parts["start"] === "number" && typeof parts["end"] === "number") {
    return `${clock(parts["start"])} – ${clock(parts["end"])}`;
  }
  return "";
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-history": HistoryView;
  }
}
