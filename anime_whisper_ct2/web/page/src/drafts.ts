/** Texts that were typed and not kept yet. Nothing typed vanishes: not by moving on, not by a reload, not by a failure. */
import type { Row } from "./api.js";
import { readKept, writeKept } from "./kept.js";

const KEY = "awct2.drafts";
const REST_MS = 300;

interface Draft {
  id: string;
  seen: string;
  text: string;
}

export class Drafts {
  readonly #drafts: Map<number, Draft>;
  readonly #sent = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#drafts = new Map(readKept<[number, Draft]>(KEY));
    addEventListener("pagehide", () => this.#write());
  }

  /** What was typed over the text of `row`, or undefined. */
  of(row: Row): string | undefined {
    const text = this.#get(row)?.text;
    return text === row.text ? undefined : text;
  }

  /** Whether `row` has become another since its text was typed. */
  isOutdated(row: Row): boolean {
    const draft = this.#get(row);
    return draft !== undefined && draft.seen !== row.seen;
  }

  /** Whether there is one for the row with this number. */
  has(row: number): boolean {
    return this.#drafts.has(row) && !this.#sent.has(row);
  }

  /** How many there are; those that are on their way to the disk are not counted. */
  get count(): number {
    return this.#drafts.size - this.#sent.size;
  }

  /** Keeps `text` as what is typed over the text of `row`; the text itself, or null, is no draft. */
  set(row: Row, text: string | null): void {
    const was = this.#get(row);
    this.#drop(row);
    const seen = was && was.seen !== row.seen ? was.seen : row.seen;
    if (text !== null && text !== row.text) this.#drafts.set(row.row, { id: row.id, seen, text });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), REST_MS);
  }

  /** The text of `row` is on its way: it stays kept until that is confirmed. */
  send(row: Row, text: string): void {
    this.set(row, null);
    this.#drafts.set(row.row, { id: row.id, seen: row.seen, text });
    this.#sent.add(row.row);
    this.#write();
  }

  /** What was sent is on the disk, or was not taken: then it is a draft again. What was typed meanwhile stays one. */
  settle(row: Row, isTaken: boolean): void {
    if (!this.#sent.delete(row.row)) return;
    if (isTaken) this.#drafts.delete(row.row);
    this.#write();
  }

  /** `row` has become another by what the reviewer did themself: what is typed over it stands as it did. */
  follow(row: Row): void {
    const draft = this.#drafts.get(row.row);
    if (draft?.id === row.id) draft.seen = row.seen;
  }

  #get(row: Row): Draft | undefined {
    const draft = this.#drafts.get(row.row);
    if (draft?.id === row.id) return draft;
    // after a restart of the server the same segment may have another number
    for (const other of this.#drafts.values()) if (other.seen === row.seen && other.id === row.id) return other;
    return undefined;
  }

  #drop(row: Row): void {
    const draft = this.#get(row);
    for (const [number, other] of this.#drafts) {
      if (other !== draft) continue;
      this.#drafts.delete(number);
      this.#sent.delete(number);
    }
  }

  #write(): void {
    writeKept(KEY, [...this.#drafts]);
  }
}
