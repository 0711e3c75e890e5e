/** What a row will be by a decision, shown before the server has confirmed it. */
import type { Action, Row, Status } from "./api.js";

export interface TagChange {
  add: string[];
  remove: string[];
}

export interface Span {
  start: number;
  end: number;
}

/** `row` as it will be; a split and a merge are not foreseen: only the server knows what becomes of them. */
export function foreseen(row: Row, action: Action, value: unknown, reviewer: string, original: string | null): Row {
  const decided = { ...row, by: reviewer };
  switch (action) {
    case "accept":
      return { ...decided, status: row.status === "corrected" ? "corrected" : "accepted" };
    case "correct": {
      const text = String(value);
      return { ...decided, text, status: text === original ? "accepted" : "corrected" };
    }
    case "reject":
      return { ...decided, status: "rejected" };
    case "tag": {
      const { add, remove } = value as TagChange;
      return { ...row, tags: [...new Set([...row.tags, ...add])].filter((tag) => !remove.includes(tag)).sort() };
    }
    case "trim":
      return { ...decided, ...(value as Span) };
    default:
      return row;
  }
}

/** Whether `row` is what was foreseen: then a decision whose answer was lost did come through. */
export function cameThrough(row: Row, expected: Row): boolean {
  return (
    row.text === expected.text &&
    row.status === expected.status &&
    row.by === expected.by &&
    row.start === expected.start &&
    row.end === expected.end
  );
}

/** `counts` with rows moved from one status to another. */
export function moved(counts: Record<Status, number>, moves: Iterable<[Status, Status]>): Record<Status, number> {
  const after = { ...counts };
  for (const [from, to] of moves) {
    after[from] -= 1;
    after[to] += 1;
  }
  return after;
}
