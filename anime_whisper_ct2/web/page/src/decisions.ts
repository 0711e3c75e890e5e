/** Decisions on their way: shown at once, sent one after the other, put back where the server does not take them. */
import type { Action, Decided, Decision, Row, Status } from "./api.js";
import { type Client, Failure } from "./client.js";
import { readKept, writeKept } from "./kept.js";
import { cameThrough, foreseen, moved } from "./outcomes.js";
import { Saving } from "./saving.js";

const KEY = "awct2.decisions";
const REST_MS = 300;

/** What is decided on, and how. */
export interface Asked {
  position: number;
  row: Row;
  original: string | null; // the run's own text, where it is known
  reviewer: string;
  action: Action;
  value: unknown;
  heard: number;
  rate: number;
  ms: number;
}

/** A decision that is not confirmed yet. It outlives a reload: `seen` binds it to what was decided on. */
export interface Entry extends Asked {
  seen: string;
  before: Status;
  expected: Row;
  isRestored: boolean; // from before the page was loaded: it may have come through
  queue?: number; // that it was sent for
}

/** Dispatches "change" when one is added, confirmed or put back. */
export class Decisions extends EventTarget {
  readonly #client: Client;
  readonly #saving = new Saving();
  #entries: Entry[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client) {
    super();
    this.#client = client;
    this.#saving.addEventListener("change", () => this.dispatchEvent(new Event("change")));
    addEventListener("pagehide", () => this.#write());
  }

  /** How many requests that change something are not answered yet. */
  get pending(): number {
    return this.#saving.pending;
  }

  /** Why they wait: the server cannot be reached, or does not know the page; null while they do not. */
  get waitsFor(): Failure | null {
    return this.#saving.waitsFor;
  }

  get any(): boolean {
    return this.#entries.length > 0;
  }

  /** Waits until nothing is on its way. */
  idle(): Promise<void> {
    return this.#saving.idle();
  }

  /** `row` as it will be by what is on its way. */
  foreseen(row: Row): Row {
    return this.#entries.findLast(({ row: { row: number, id } }) => number === row.row && id === row.id)?.expected ?? row;
  }

  /** `counts` as they will be by what is on its way. */
  counted(counts: Record<Status, number>): Record<Status, number> {
    return moved(counts, this.#entries.map((entry) => [entry.before, entry.expected.status]));
  }

  /** Notes what is asked: it shows at once. `carryOut` is to follow. */
  add(asked: Asked): Entry {
    const { action, value, row } = asked;
    const expected = foreseen(row, action, value, asked.reviewer, asked.original);
    const entry = { ...asked, seen: row.seen, before: row.status, expected, isRestored: false };
    this.#entries.push(entry);
    this.#keep();
    return entry;
  }

  /** Notes again what was on its way when the page was left. */
  restore(): Entry[] {
    const kept = readKept<Entry>(KEY).map((entry) => ({ ...entry, isRestored: true }));
    this.#entries.push(...kept);
    return kept;
  }

  /** Sends `entry` in its turn, for the queue that is open by then; throws Failure, and the row is as it was. */
  async carryOut(entry: Entry, queue: () => number): Promise<Decided | Row> {
    const { action, value, row, heard, rate, ms } = entry;
    try {
      const decided = await this.#saving.run((repeated) => {
        const { seen, position } = entry;
        entry.queue = queue();
        const decision = { queue: entry.queue, position, row: row.row, seen, action, value, heard, rate, ms };
        return this.#send(decision, repeated || entry.isRestored ? entry.expected : null);
      }, true);
      this.#settle(entry, "rows" in decided ? decided : null);
      return decided;
    } finally {
      this.#entries = this.#entries.filter((other) => other !== entry);
      this.#keep();
    }
  }

  /** Carries out what else changes something, in its turn; throws Failure. */
  inTurn<T>(ask: () => Promise<T>): Promise<T> {
    return this.#saving.run(ask, false);
  }

  async #send(decision: Decision, expected: Row | null): Promise<Decided | Row> {
    try {
      return await this.#client.decide(decision);
    } catch (error) {
      const now = error instanceof Failure && error.status === 409 ? error.problem.row : undefined;
      // an earlier try did come through; only its answer was lost
      if (expected && now && now.id === expected.id && cameThrough(now, expected)) return now;
      throw error;
    }
  }

  /** What was decided next on the same row was decided on what this made of it. */
  #settle(entry: Entry, decided: Decided | null): void {
    for (const row of decided?.rows ?? []) {
      for (const later of this.#entries) {
        if (later === entry || later.row.row !== row.row) continue;
        later.seen = row.seen;
        later.before = row.status;
      }
    }
  }

  #keep(): void {
    this.#timer ??= setTimeout(() => this.#write(), REST_MS);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    writeKept(KEY, this.#entries);
  }
}
