/** What the page knows and does: the way through the queue, and the decisions on their way to the disk. */
import type {
  Batch,
  BatchDone,
  BatchPreview,
  Decided,
  ReplaceChosen,
  ReplacePreview,
  Rule,
  SampleClosed,
} from "./api.js";
import { isSaved } from "./client.js";
import { Deciding } from "./deciding.js";
import { t } from "./messages.js";
import { Sampling } from "./sampling.js";

export class Store extends Deciding {
  /** The sampled acceptance that is under way (B2). */
  readonly samples = new Sampling(this);

  // ---- what there is ------------------------------------------------------------------------------------------------

  get canUndo(): boolean {
    return this.decisions.any || (this.state?.can_undo ?? false);
  }

  get canRedo(): boolean {
    return this.state?.can_redo ?? false;
  }

  // ---- deciding -----------------------------------------------------------------------------------------------------

  /** Accepts what stands in the text box: a draft is kept as a correction. */
  accept(): Promise<boolean> {
    const { row } = this;
    const text = this.text.trimEnd(); // blanks at the end are nobody's words
    if (this.isDraft && text !== row?.text) return this.decide("correct", text);
    if (row) this.drafts.set(row, null);
    return this.decide("accept");
  }

  /** Takes the second run's text. */
  takeOther(): Promise<boolean> {
    const other = this.detail?.other;
    if (other === null || other === undefined) return Promise.resolve(false);
    if (this.refusesOverDraft()) return Promise.resolve(false);
    return other === this.row?.text ? this.decide("accept") : this.decide("correct", other);
  }

  /** Keeps `text` as typed over the current row's text, undecided; null throws it away. */
  type(text: string | null): void {
    const row = this.row;
    if (row) this.drafts.set(row, text);
    this.changed();
  }

  /** Moves the edges of the current segment, in seconds of the recording; decided when they rest for a moment. */
  trim(start: number, end: number): void {
    const detail = this.detail;
    if (detail) this.trimming.to({ start, end }, detail.duration);
    this.changed();
  }

  /** Takes the last step back, and returns to its clip. */
  undo(): Promise<boolean> {
    return this.#back(() => this.client.undo());
  }

  redo(): Promise<boolean> {
    return this.#back(() => this.client.redo(), true);
  }

  // ---- many at once: what the dialogs ask ---------------------------------------------------------------------------

  /** What a batch would decide on, once all before it is decided. */
  async previewBatch(batch: Batch, signal?: AbortSignal): Promise<BatchPreview> {
    await this.idle();
    return this.client.previewBatch(batch, signal);
  }

  /** Carries a batch out, after what is on its way; throws Failure. The reviewer stays where they are. */
  async batch(batch: Batch): Promise<BatchDone> {
    return this.#many(() => this.client.batch(batch));
  }

  async previewReplace(rules: Rule[], signal?: AbortSignal): Promise<ReplacePreview> {
    await this.idle();
    return this.client.previewReplace({ queue: this.pages?.queue ?? 0, rules }, signal);
  }

  async replace(chosen: ReplaceChosen): Promise<BatchDone> {
    return this.#many(() => this.client.replace(chosen));
  }

  closeSample(sample: string): Promise<SampleClosed> {
    return this.decisions.inTurn(() => this.client.closeSample(sample));
  }

  /** Writes a new .list with the decisions in it; its name is told. */
  async save(): Promise<void> {
    try {
      const path = await this.decisions.inTurn(() => this.client.save());
      this.say(t("save.done", { path }));
    } catch (error) {
      this.fail(error);
    }
  }

  // ---- within -------------------------------------------------------------------------------------------------------

  protected override filtering(): void {
    this.samples.forget();
  }

  protected override begun(): void {
    void this.samples.restore();
    for (const entry of this.decisions.restore()) {
      if (entry.action === "correct") this.drafts.send(entry.row, String(entry.value));
      void this.carryOut(entry);
    }
  }

  protected override get isAddressed(): boolean {
    return this.samples.drawn === null;
  }

  async #back(ask: () => Promise<Decided>, forth = false): Promise<boolean> {
    this.trimming.flush();
    try {
      const decided = await this.decisions.inTurn(ask);
      const first = decided.rows[0];
      if (!first) {
        this.say(t(forth ? "redo.none" : "undo.none"));
        return false;
      }
      await this.confirm(decided);
      await this.returnTo(first);
      const many = decided.count > 1 ? "many" : "one";
      this.say(t(`${forth ? "redo" : "undo"}.${many}`, { n: decided.count }));
      return true;
    } catch (error) {
      if (isSaved(error)) return this.savedUnseen(error);
      this.fail(error);
      return false;
    }
  }

  async #many(ask: () => Promise<BatchDone>): Promise<BatchDone> {
    this.trimming.flush();
    const done = await this.decisions.inTurn(ask);
    await this.confirm(done);
    return done;
  }
}
