/** What a reviewer chooses for this browser: language, theme, speed, and what the keys do. */

import { type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { DialogBase } from "./dialog-base.js";
import { following } from "./following.js";
import { pressed } from "./help-dialog.js";
import {
  BINDINGS,
  type Binding,
  type CommandId,
  type KeyMap,
  type Preset,
  combinationOf,
  isComposing,
  shown,
} from "./keys.js";
import { type Language, language, number, setLanguage, t } from "./messages.js";
import { dialogStyles, keyStyles, panelStyles } from "./panel-styles.js";
import { FASTEST, type Player, RATE_STEP, SLOWEST } from "./player.js";
import { type Theme, setTheme, theme } from "./settings.js";

const LANGUAGES: readonly { value: Language; label: string }[] = [
  { value: "ja", label: "日本語" },
  { value: "en", label: "English" },
];
const THEMES: readonly Theme[] = ["system", "light", "dark"];
const PRESETS: readonly Preset[] = ["awct2", "aegisub"];

@customElement("awct2-settings")
export class SettingsDialog extends DialogBase {
  static override styles = [
    panelStyles,
    dialogStyles,
    keyStyles,
    css`
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 0.75rem 1.25rem;
        align-items: flex-end;
        margin-block: 0 1rem;
      }
      .actions {
        white-space: nowrap;
        text-align: end;
      }
      .listening {
        outline: 2px solid var(--accent);
      }
    `,
  ];

  @property({ attribute: false }) keys!: KeyMap;
  @property({ attribute: false }) player!: Player;
  /** The command whose new key is waited for. */
  @state() private asked: CommandId | null = null;
  @state() private said = "";
  #isBound = false; // by the key that is still down: letting Space go would press the button again

  constructor() {
    super();
    following(this, () => [this.keys, this.player]);
  }

  protected override closed(): void {
    this.asked = null;
    this.said = "";
  }

  override render(): TemplateResult {
    const { keys } = this;
    const body = html`
      <div class="choices">${this.#language()} ${this.#theme()} ${this.#speed()}</div>
      <h3>${t("settings.keys")}</h3>
      <div class="choices">
        <label class="field">
          <span>${t("settings.preset")}</span>
          <select @change=${(event: Event) => (keys.preset = chosen<Preset>(event))}>
            ${options(PRESETS, keys.preset, (preset) => t(`preset.${preset}`))}
          </select>
        </label>
        <label class="check" title=${t("settings.singles_why")}>
          <input
            type="checkbox"
            .checked=${live(keys.singles)}
            @change=${(event: Event) => (keys.singles = (event.target as HTMLInputElement).checked)}
          />${t("settings.singles")}
        </label>
        <button type="button" ?disabled=${!BINDINGS.some(({ id }) => keys.isOwn(id))} @click=${() => keys.reset()}>
          ${t("settings.reset_all")}
        </button>
      </div>
      <p class="muted" role="status">${this.said}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">${t("help.what")}</th>
            <th scope="col">${t("help.now")}</th>
            <th scope="col"><span class="visually-hidden">${t("settings.change")}</span></th>
          </tr>
        </thead>
        <tbody>
          ${BINDINGS.map((binding) => this.#row(binding))}
        </tbody>
      </table>
    `;
    const foot = html`<button type="button" class="primary" @click=${() => this.close()}>${t("dialog.close")}</button>`;
    return this.framed(t("settings.title"), body, foot);
  }

  #language(): TemplateResult {
    return html`<label class="field">
      <span>${t("settings.language")}</span>
      <select autofocus @change=${(event: Event) => setLanguage(chosen<Language>(event))}>
        ${LANGUAGES.map(
          ({ value, label }) =>
            html`<option value=${value} lang=${value} .selected=${value === language()}>${label}</option>`,
        )}
      </select>
    </label>`;
  }

  #theme(): TemplateResult {
    const take = (event: Event) => {
      setTheme(chosen<Theme>(event));
      this.requestUpdate();
    };
    return html`<label class="field">
      <span>${t("settings.theme")}</span>
      <select @change=${take}>
        ${options(THEMES, theme(), (name) => t(`theme.${name}`))}
      </select>
    </label>`;
  }

  #speed(): TemplateResult {
    return html`<label class="field">
      <span>${t("settings.speed", { rate: number(this.player.rate, 1) })}</span>
      <input
        type="range"
        min=${SLOWEST}
        max=${FASTEST}
        step=${RATE_STEP}
        .value=${live(String(this.player.rate))}
        @input=${(event: Event) => (this.player.rate = (event.target as HTMLInputElement).valueAsNumber)}
      />
    </label>`;
  }

  #row(binding: Binding): TemplateResult {
    const { id } = binding;
    const what = t(binding.label);
    const isAsked = this.asked === id;
    return html`<tr>
      <th scope="row">${what}</th>
      <td>${pressed(this.keys.of(id))}</td>
      <td class="actions">
        <button
          type="button"
          class=${isAsked ? "listening" : ""}
          aria-label=${t("settings.change_what", { what })}
          @click=${() => this.#ask(binding)}
          @keydown=${(event: KeyboardEvent) => this.#pressed(event, binding)}
          @keyup=${(event: KeyboardEvent) => this.#isBound && event.preventDefault()}
          @blur=${() => isAsked && this.#stop("")}
        >
          ${isAsked ? t("settings.press") : t("settings.change")}
        </button>
        ${this.keys.isOwn(id)
          ? html`<button
              type="button"
              aria-label=${t("settings.reset_what", { what })}
              @click=${() => this.keys.bind(id, null)}
            >
              ${t("settings.reset")}
            </button>`
          : nothing}
      </td>
    </tr>`;
  }

  #ask(binding: Binding): void {
    this.#isBound = false;
    this.asked = binding.id;
    this.said = t("settings.press_what", { what: t(binding.label) });
  }

  #stop(told: string): void {
    this.asked = null;
    this.said = told;
  }

  #pressed(event: KeyboardEvent, binding: Binding): void {
    if (this.asked !== binding.id || isComposing(event) || event.key === "Tab") return;
    event.preventDefault(); // Escape would close the dialog, Enter and Space press the button again
    const key = combinationOf(event);
    if (key === null) return;
    if (event.key === "Escape" && binding.id !== "leave") return this.#stop("");
    const other = this.keys.taken(key, binding.id);
    if (other !== null) {
      const what = BINDINGS.find(({ id }) => id === other)?.label;
      this.said = t("settings.taken", { key: shown(key), what: what ? t(what) : other });
      return;
    }
    this.keys.bind(binding.id, [key]);
    this.#isBound = true;
    this.#stop(t("settings.bound", { key: shown(key), what: t(binding.label) }));
  }
}

function chosen<T extends string>(event: Event): T {
  return (event.target as HTMLSelectElement).value as T;
}

function options<T extends string>(values: readonly T[], value: T, says: (value: T) => string): TemplateResult[] {
  return values.map((one) => html`<option value=${one} .selected=${live(one === value)}>${says(one)}</option>`);
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-settings": SettingsDialog;
  }
}
