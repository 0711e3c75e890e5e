/** What is decided, from the press of a key until it is on the disk: drafts, edges on the move, decisions on their way. */
import type { Action, Decided, Row, Status } from "./api.js";
import { Failure, isSaved } from "./client.js";
import { Decisions, type Entry } from "./decisions.js";
import { Drafts } from "./drafts.js";
import { t } from "./messages.js";
import type { Span } from "./outcomes.js";
import { Trimming } from "./trimming.js";
import { Walk } from "./walk.js";

export abstract class Deciding extends Walk {
  readonly drafts = new Drafts();
  /** How much of the current clip was heard, and at which rate: the player's to say. */
  meter: (row: Row) => { heard: number; rate: number } = () => ({ heard: 0, rate: 1 });
  protected readonly decisions = new Decisions(this.client);
  protected readonly trimming = new Trimming((times) => this.#trimmed(times));
  #isWaiting = false;

  constructor() {
    super();
    this.decisions.addEventListener("change", () => this.#sending());
    addEventListener("beforeunload", (event) => {
      if (this.unsaved > 0 || this.drafts.count > 0) event.preventDefault();
    });
  }

  /** Where the current segment begins and ends: also while it is being trimmed. */
  get times(): Span | null {
    return this.trimming.times ?? (this.row ? { start: this.row.start, end: this.row.end } : null);
  }

  /** What stands in the text box: what was typed, else the segment's text. */
  get text(): string {
    const row = this.row;
    return row ? (this.drafts.of(row) ?? row.text) : "";
  }

  get isDraft(): boolean {
    const row = this.row;
    return row !== undefined && this.drafts.of(row) !== undefined;
  }

  /** Whether the segment has become another since the text in the box was typed. */
  get isOutdated(): boolean {
    const row = this.row;
    return row !== undefined && this.drafts.isOutdated(row);
  }

  /** Whether typed text, that is not kept yet, is in the way of what would take its place: then `notice` says so. */
  refusesOverDraft(): boolean {
    if (this.isDraft) this.say(t("draft.first"));
    return this.isDraft;
  }

  /** How many changes are not confirmed yet. */
  get unsaved(): number {
    return this.decisions.pending;
  }

  /** Whether changes wait for a server that cannot be reached, or does not know the page any more. */
  get unreachable(): boolean {
    return this.decisions.waitsFor !== null;
  }

  /** Waits until all changes are confirmed. */
  idle(): Promise<void> {
    return this.decisions.idle();
  }

  /** How many segments have which status, decisions on their way counted in. */
  get counts(): Record<Status, number> | null {
    return this.state && this.decisions.counted(this.state.counts);
  }

  /**
   * Decides on the current row. It is shown at once and sent in its turn; true when it is on the disk, false where it
   * was not taken: then the row is as it was, what was typed is a draft again, and `notice` says why.
   */
  async decide(action: Action, value: unknown = null): Promise<boolean> {
    if (action !== "trim") this.trimming.flush();
    const row = this.row;
    if (!row) return false;
    if (action === "merge" && this.#isMergeInTheWay()) return false;
    const { position, detail, state } = this;
    if (action === "correct") this.drafts.send(row, String(value));
    const entry = this.decisions.add({
      position,
      row,
      original: detail?.original ?? null,
      reviewer: state?.reviewer ?? "",
      action,
      value,
      ...this.meter(row),
      ms: Math.round(performance.now() - this.since_ms),
    });
    return this.carryOut(entry, action === "split" ? this.drafts.of(row) : undefined);
  }

  /** Tells that a change is on the disk although the server cannot show it; what is shown is asked for anew. */
  savedUnseen(error: unknown): true {
    this.details.outdate();
    void this.rearrange(this.count);
    this.fail(error);
    return true;
  }

  protected override foreseen(row: Row): Row {
    return this.decisions.foreseen(row);
  }

  protected override leaving(): void {
    this.trimming.flush();
  }

  #trimmed(times: Span): void {
    const row = this.row;
    // moved and moved back: nothing was decided
    if (row && (row.start !== times.start || row.end !== times.end)) void this.decide("trim", times);
    else this.changed();
  }

  #isMergeInTheWay(): boolean {
    if (this.refusesOverDraft()) return true;
    const next = this.detail?.next ?? null;
    if (next === null || !this.drafts.has(next)) return false;
    this.say(t("draft.first_next"));
    return true;
  }

  /** Sends a decision; `typed`: what is no draft any more when it is taken. */
  protected async carryOut(entry: Entry, typed?: string): Promise<boolean> {
    const { row, action } = entry;
    this.retry(row.row);
    this.changed();
    try {
      const decided = await this.decisions.carryOut(entry, () => this.pages?.queue ?? 0);
      if (action === "correct") this.drafts.settle(row, true);
      if (typed !== undefined && this.drafts.of(row) === typed) this.drafts.set(row, null);
      if ("rows" in decided) await this.confirm(decided, entry.queue);
      else this.update([decided]);
      // another clip stands in the place of the one that was split or merged
      if ((action === "split" || action === "merge") && this.row?.row === row.row) this.go(this.position);
      return true;
    } catch (error) {
      if (action === "correct") this.drafts.settle(row, isSaved(error));
      if (isSaved(error)) return this.savedUnseen(error);
      if (error instanceof Failure && error.problem.row) this.update([error.problem.row]);
      this.fail(error, row.row);
      return false;
    }
  }

  #sending(): void {
    const { waitsFor } = this.decisions;
    if (waitsFor) this.failReaching(waitsFor);
    else if (this.#isWaiting) {
      this.reached();
      this.dispatchEvent(new Event("reached"));
    }
    this.#isWaiting = waitsFor !== null;
    this.changed();
  }

  /** Takes over what has come of a change that was made at a queue; where another is open by now, that one. */
  protected async confirm(decided: Decided, queue = this.pages?.queue): Promise<void> {
    const { counts, can_undo, can_redo, rows } = decided;
    if (this.state) this.state = { ...this.state, counts, can_undo, can_redo };
    for (const row of rows) this.drafts.follow(row);
    this.update(rows);
    const areOthers = decided.count > rows.length;
    if (areOthers || decided.queue) this.details.outdate(); // also of the neighbours of what was split or merged
    if (decided.queue && queue !== this.pages?.queue) await this.refreshQueue();
    else if (decided.queue || areOthers) await this.rearrange(decided.queue?.count ?? this.count, rows[0]);
  }
}
