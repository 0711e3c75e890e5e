/** The page as a whole: its frame, its keys, and where the focus is. */
import { LitElement, type TemplateResult, html, nothing } from "lit";
import { customElement, query } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { appStyles, NARROW } from "./app-styles.js";
import { carryOut, type Dialog, isOnce, type Page } from "./commands.js";
import type { DialogBase } from "./dialog-base.js";
import type { EditPane } from "./edit-pane.js";
import type { Side } from "./edges.js";
import type { FiltersBar } from "./filters-bar.js";
import { isField, isOwn } from "./fields.js";
import { following } from "./following.js";
import { type CommandId, KeyMap } from "./keys.js";
import { count, type MessageKey, number, t } from "./messages.js";
import { Player } from "./player.js";
import type { QueueGrid } from "./queue-grid.js";
import { Store } from "./store.js";
import { shared } from "./styles.js";
import "./batch-dialog.js";
import "./edit-pane.js";
import "./filters-bar.js";
import "./help-dialog.js";
import "./queue-grid.js";
import "./replace-dialog.js";
import "./sample-bar.js";
import "./settings-dialog.js";

const DIALOGS: Record<Dialog, string> = {
  batch: "awct2-batch",
  replace: "awct2-replace",
  settings: "awct2-settings",
  help: "awct2-help",
};

@customElement("awct2-review")
export class ReviewPage extends LitElement implements Page {
  static override styles = [shared, appStyles];

  readonly store = new Store();
  readonly player = new Player(this.store);
  readonly keys = new KeyMap();
  @query("awct2-queue") private queue!: QueueGrid | null;
  @query("awct2-pane") private pane!: EditPane | null;
  @query("awct2-filters") private filters!: FiltersBar | null;

  readonly #isNarrow = matchMedia(NARROW);

  constructor() {
    super();
    following(this, () => [this.store, this.player, this.keys]);
    this.#isNarrow.addEventListener("change", () => this.requestUpdate());
    this.addEventListener("awct2-command", (event) => this.#asked(event as CustomEvent));
    this.addEventListener("click", (event) => this.#clicked(event), { capture: true });
    this.store.addEventListener("move", () => void this.updateComplete.then(() => this.#focusFirst()));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.#pressed);
    void this.store.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.#pressed);
  }

  // ---- what commands need -------------------------------------------------------------------------------------------

  get pageRows(): number {
    return this.queue?.pageRows ?? 1;
  }

  edit(): void {
    this.pane?.text?.edit();
  }

  leave(): void {
    this.queue?.focusRow();
  }

  search(): void {
    this.filters?.focusSearch();
  }

  split(): void {
    if (this.pane?.wave?.split()) this.leave();
  }

  merge(): void {
    this.pane?.wave?.merge();
  }

  nudge(side: Side, steps: number): void {
    this.pane?.wave?.nudge(side, steps);
  }

  tag(): void {
    this.pane?.tags?.focusInput();
  }

  open(dialog: Dialog): void {
    this.renderRoot.querySelector<DialogBase>(DIALOGS[dialog])?.open();
  }

  // ---- what is drawn ------------------------------------------------------------------------------------------------

  override render(): TemplateResult {
    const { store, player, keys } = this;
    return html`${this.#header()} ${this.#notice()}
      ${store.state?.ready ? this.#main() : this.#beginning()}
      <awct2-batch .store=${store} .player=${player}></awct2-batch>
      <awct2-replace .store=${store}></awct2-replace>
      <awct2-settings .store=${store} .player=${player} .keys=${keys}></awct2-settings>
      <awct2-help .store=${store} .keys=${keys}></awct2-help>`;
  }

  override updated(): void {
    const { store, player, dataset } = this;
    if (store.state) document.title = t("app.title", { run: store.state.run });
    // what the page is at, for tests and for whoever looks for a fault: nothing reads it back
    dataset["ready"] = String(store.state?.ready ?? false);
    dataset["queue"] = store.opening ? "" : String(store.queue?.queue ?? "");
    dataset["count"] = String(store.count);
    dataset["position"] = String(store.position);
    dataset["row"] = String(store.row?.row ?? "");
    dataset["detail"] = String(store.detail?.row ?? "");
    dataset["unsaved"] = String(store.unsaved);
    dataset["playing"] = String(player.playing);
    dataset["span"] = player.span ? `${player.span.from.toFixed(3)} ${player.span.to.toFixed(3)}` : "";
    dataset["sound"] = player.clip?.ready ? String(player.clip.row) : "";
    dataset["prefetched"] = String(player.prefetched);
    dataset["held"] = String(player.held);
    dataset["rate"] = String(player.rate);
    dataset["latency"] = player.latency_ms === null ? "" : player.latency_ms.toFixed(1);
  }

  #main(): TemplateResult {
    const { store, player, keys } = this;
    const list = html`<div class="list">
      <awct2-filters .store=${store} .keys=${keys}></awct2-filters>
      <awct2-sample .store=${store} .player=${player}></awct2-sample>
      <awct2-queue .store=${store} .player=${player}></awct2-queue>
    </div>`;
    const clip = html`<section class="clip" aria-label=${t("app.pane")}>
      <awct2-pane .store=${store} .player=${player} .keys=${keys}></awct2-pane>
    </section>`;
    // below each other the clip comes first: who tabs through the page meets them in the order in which they are seen
    const parts = { list, clip };
    const order = this.#isNarrow.matches ? (["clip", "list"] as const) : (["list", "clip"] as const);
    return html`<main>
      ${repeat(
        order,
        (name) => name,
        (name) => parts[name],
      )}
    </main>`;
  }

  #header(): TemplateResult {
    const { state, counts } = this.store;
    const own = html`${this.#tool("settings", "tool.settings")} ${this.#tool("help", "tool.help")}`;
    if (!state?.ready || !counts) {
      return html`<header><h1><bdi>${state?.run ?? "awct2 review"}</bdi></h1><span class="tools">${own}</span></header>`;
    }
    const done = counts.accepted + counts.corrected + counts.rejected;
    return html`<header>
      <button type="button" class="skip" @click=${() => this.edit()}>${t("app.skip_link")}</button>
      <h1><bdi>${state.run}</bdi></h1>
      <span class="muted who">${t("app.of_reviewer", { reviewer: state.reviewer })}</span>
      <span class="progress">
        <progress max=${Math.max(1, state.total)} value=${done} aria-label=${t("app.reviewed", { n: done, total: state.total })}></progress>
        <span aria-hidden="true">${t("app.reviewed", { n: done, total: state.total })}</span>
      </span>
      ${state.stale > 0
        ? html`<span class="chip flag" title=${t("app.stale_why")}>${count(state.stale, "app.stale")}</span>`
        : nothing}
      ${this.store.drafts.count > 0
        ? html`<span class="chip flag">${count(this.store.drafts.count, "draft.count")}</span>`
        : nothing}
      <span class="saving ${this.store.unsaved > 0 ? "unsaved" : ""}" role="status" aria-live="polite"
        >${this.#saving()}</span
      >
      <span class="tools">
        ${state.kind === "list"
          ? html`<button type="button" @click=${() => void this.#save()}>${t("app.save_list")}</button>`
          : nothing}
        ${this.#tool("batch", "tool.batch")} ${this.#tool("replace", "tool.replace")}
        ${own}
      </span>
    </header>`;
  }

  async #save(): Promise<void> {
    const { store } = this;
    await store.save();
    const { notice } = store;
    const n = store.drafts.count;
    if (n > 0 && notice?.kind === "info") store.say(`${notice.text} ${count(n, "batch.draft")}`);
  }

  #saving(): string {
    const { unsaved, unreachable } = this.store;
    if (unsaved === 0) return t("app.saved");
    return t(unreachable ? "app.waiting" : "app.unsaved", { n: unsaved });
  }

  #tool(id: Dialog, label: MessageKey): TemplateResult {
    const keys = this.keys.aria(id);
    return html`<button type="button" class="quiet" aria-keyshortcuts=${keys || nothing} @click=${() => this.open(id)}>
      ${t(label)}
    </button>`;
  }

  #notice(): TemplateResult {
    const { store } = this;
    const { notice, problem, state } = store;
    const told = (text: string, kind: string, close: (() => void) | null) =>
      html`<p class=${kind}>
        <span>${text}</span>
        ${close
          ? html`<button type="button" class="quiet" aria-label=${t("app.close")} @click=${close}>✕</button>`
          : nothing}
      </p>`;
    const note = state?.note ? told(state.note, "info", null) : nothing;
    // both are there all the time: a region that comes with its text is not read out
    return html`<div class="notices" aria-live="polite">
        ${notice ? told(notice.text, "info", () => store.closeNotice()) : note}
      </div>
      <div class="notices" role="alert">${problem ? told(problem.text, "error", () => store.closeProblem()) : nothing}</div>`;
  }

  #beginning(): TemplateResult {
    const { state } = this.store;
    if (state?.problem) {
      return html`<main class="beginning"><h2>${t("app.problem")}</h2><p>${state.problem}</p></main>`;
    }
    const percent = number(Math.floor(100 * (state?.progress ?? 0)));
    const text = state ? t("app.indexing", { percent }) : t("app.opening");
    return html`<main class="beginning">
      <p role="status">${text}</p>
      <progress max="1" .value=${state?.progress ?? 0} aria-label=${text}></progress>
    </main>`;
  }

  // ---- keys and focus -----------------------------------------------------------------------------------------------

  readonly #pressed = (event: KeyboardEvent): void => {
    const path = event.composedPath();
    if (event.defaultPrevented || path.some((node) => node instanceof HTMLDialogElement)) return;
    const target = path[0];
    const id = this.keys.command(event, isField(target));
    if (id === null || isOwn(target, event.key)) return;
    if (!this.store.state?.ready && id !== "help" && id !== "settings") return;
    if (id === "leave" && !isField(target)) return;
    // what is kept or split is the text: not by a key pressed in the search, a select or a number
    if (id !== "leave" && isField(target) && !(target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    if (event.repeat && isOnce(id)) return;
    carryOut(id, this);
  };

  #asked(event: CustomEvent<{ id: CommandId }>): void {
    carryOut(event.detail.id, this);
  }

  /**
   * Gives the focus back to the list before a button is pressed with the mouse: who clicks goes on with keys, and Enter
   * must not press that button again, nor once its dialog is closed.
   */
  #clicked(event: MouseEvent): void {
    const path = event.composedPath();
    if (event.detail === 0 || path.some((node) => node instanceof HTMLDialogElement)) return;
    if (path.some((node) => node instanceof HTMLButtonElement)) this.leave();
  }

  #focusFirst(): void {
    // only where nobody is at anything: not while somebody types in the search
    if (document.activeElement === document.body) void this.queue?.updateComplete.then(() => this.queue?.focusRow());
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "awct2-review": ReviewPage;
  }
}
