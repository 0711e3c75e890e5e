/** The keys of the page, as they are bound now and in the other preset: from the one table of keys.ts. */

import { type TemplateResult, css, html } from "lit";
import { customElement, property } from "lit/decorators.js";
import { DialogBase } from "./dialog-base.js";
import { following } from "./following.js";
import { BINDINGS, type Binding, GROUPS, type KeyMap, type Preset, shown } from "./keys.js";
import { t } from "./messages.js";
import { dialogStyles, keyStyles, panelStyles } from "./panel-styles.js";

@customElement("awct2-help")
export class HelpDialog extends DialogBase {
  static override styles = [
    panelStyles,
    dialogStyles,
    keyStyles,
    css`
      dialog {
        width: min(60rem, 94vw);
      }
      .groups {
        columns: 2 24rem;
        column-gap: 2rem;
      }
      table {
        break-inside: avoid;
      }
    `,
  ];

  @property({ attribute: false }) keys!: KeyMap;

  constructor() {
    super();
    following(this, () => [this.keys]);
  }

  override render(): TemplateResult {
    const other: Preset = this.keys.preset === "awct2" ? "aegisub" : "awct2";
    const body = html`
      <p>${t("help.about")}</p>
      ${this.keys.singles ? "" : html`<p class="muted">${t("help.singles_off")}</p>`}
      <div class="groups">
        ${GROUPS.map(
          (group) =>
            html`<table>
              <caption>
                ${t(`group.${group}`)}
              </caption>
              <thead>
                <tr>
                  <th scope="col">${t("help.what")}</th>
                  <th scope="col">${t("help.now")}</th>
                  <th scope="col">${t(`preset.${other}`)}</th>
                </tr>
              </thead>
              <tbody>
                ${BINDINGS.filter((binding) => binding.group === group).map((binding) => this.#row(binding, other))}
              </tbody>
            </table>`,
        )}
      </div>
      <p class="muted">${t("help.mouse")}</p>
    `;
    const foot = html`<button type="button" class="primary" autofocus @click=${() => this.close()}>
      ${t("dialog.close")}
    </button>`;
    return this.framed(t("help.title"), body, foot);
  }

  #row(binding: Binding, other: Preset): TemplateResult {
    return html`<tr>
      <th scope="row">${t(binding.label)}</th>
      <td>${pressed(this.keys.of(binding.id))}</td>
      <td class="muted">${pressed(this.keys.presetOf(binding.id, other))}</td>
    </tr>`;
  }
}

/** Combinations as keys. */
export function pressed(combinations: readonly string[]): TemplateResult | string {
  if (combinations.length === 0) return "–";
  return html`${combinations.map((combination) => html`<kbd>${shown(combination)}</kbd> `)}`;
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-help": HelpDialog;
  }
}
