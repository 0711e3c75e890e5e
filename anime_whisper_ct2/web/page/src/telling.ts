/** What the page tells the reviewer: words that pass, and what did not work, which stays until it is seen to. */
import { isAborted } from "./client.js";
import { t } from "./messages.js";
import { problemText } from "./problems.js";

export interface Notice {
  text: string;
  kind: "info" | "error";
}

/** Dispatches "change" when anything in it has changed. */
export abstract class Telling extends EventTarget {
  /** What passes: the next word takes its place. */
  notice: Notice | null = null;
  /** What did not work; decisions that were not taken are counted, and stay until it is closed or they are made anew. */
  problem: Notice | null = null;
  readonly #untaken = new Map<number, string>();
  #isUnreached = false;

  /** Whether a decision on the row with this number was not taken. */
  isUntaken(row: number): boolean {
    return this.#untaken.has(row);
  }

  say(text: string): void {
    this.notice = { text, kind: "info" };
    this.changed();
  }

  /** Tells why something did not work; what the page gave up itself is no news. `row`: of a decision, what it was on. */
  fail(error: unknown, row: number | null = null): void {
    if (isAborted(error)) return;
    const text = problemText(error);
    if (row !== null) {
      this.#untaken.delete(row);
      this.#untaken.set(row, text);
    }
    this.notice = null;
    this.problem = { text: row === null ? text : this.#counted(text), kind: "error" };
    this.#isUnreached = false;
    this.changed();
  }

  /** Tells that the server does not answer, or knows the page no more: until it does. */
  protected failReaching(error: unknown): void {
    if (this.problem && !this.#isUnreached) return;
    this.fail(error);
    this.#isUnreached = true;
  }

  /** Takes that back. */
  protected reached(): void {
    if (!this.#isUnreached) return;
    this.#isUnreached = false;
    this.#tellLast();
  }

  /** A row is decided on anew: what was told of it is told no more, nor what passes. */
  protected retry(row: number): void {
    this.notice = null;
    const wasUntaken = this.#untaken.delete(row);
    if (wasUntaken || (this.#untaken.size === 0 && !this.#isUnreached)) this.#tellLast();
  }

  closeNotice(): void {
    this.notice = null;
    this.changed();
  }

  closeProblem(): void {
    this.problem = null;
    this.#isUnreached = false;
    this.changed();
  }

  /** Has everything that shows the store drawn anew. */
  changed(): void {
    this.dispatchEvent(new Event("change"));
  }

  #tellLast(): void {
    const last = [...this.#untaken.values()].at(-1);
    this.problem = last === undefined ? null : { text: this.#counted(last), kind: "error" };
  }

  #counted(text: string): string {
    const n = this.#untaken.size;
    return n > 1 ? t("untaken.several", { n, problem: text }) : text;
  }
}
