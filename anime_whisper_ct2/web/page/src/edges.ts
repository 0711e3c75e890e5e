/** Where a segment may begin, end and be split: times in seconds of the recording, snapped to 10 ms. */

import type { Word } from "./api.js";
import type { Span } from "./outcomes.js";

export type Side = "start" | "end";

export interface Split {
  texts: [string, string];
  at: number;
}

export const STEP_S = 0.01;
export const SHORTEST_S = 0.01; // what the server takes as a segment

/** The nearest whole 10 ms. */
export function snapped(time: number): number {
  return Math.round(time / STEP_S) / Math.round(1 / STEP_S);
}

/**
 * The span with one edge moved to a time, as far as it can go: not past its neighbours, the recording's ends or its
 * own other edge.
 */
export function moved(span: Span, side: Side, time: number, room: Span): Span {
  const wanted = snapped(time);
  if (side === "start") return { start: Math.max(room.start, Math.min(wanted, span.end - SHORTEST_S)), end: span.end };
  return { start: span.start, end: Math.min(room.end, Math.max(wanted, span.start + SHORTEST_S)) };
}

/**
 * A split of a segment at a caret in its text, or null where one part would have no text or no time.
 *
 * Where the times of words are known, it is the time of the first word behind the caret; else the playhead's if that
 * is inside the segment; else the caret's share of the text, as good as any for an edge that can be moved afterwards.
 */
export function splitAt(
  span: Span,
  text: string,
  words: readonly Word[],
  caret: number,
  playhead: number | null,
): Split | null {
  const texts: [string, string] = [text.slice(0, caret).trim(), text.slice(caret).trim()];
  if (texts[0] === "" || texts[1] === "") return null;
  const share = span.start + ((span.end - span.start) * caret) / text.length;
  for (const at of [wordTime(words, text, caret), playhead, share]) {
    if (at !== null && at > span.start + SHORTEST_S && at < span.end - SHORTEST_S) return { texts, at: snapped(at) };
  }
  return null;
}

/** When the first word behind the caret begins; null where the words are not known, or those of another text. */
function wordTime(words: readonly Word[], text: string, caret: number): number | null {
  const spoken = words.map((word) => word.text).join("");
  if (spoken.trim() !== text.trim()) return null;
  let from = text.length - text.trimStart().length - (spoken.length - spoken.trimStart().length);
  for (const word of words) {
    // A caret inside a word goes to its nearer end.
    if (from + word.text.length / 2 >= caret) return word.start;
    from += word.text.length;
  }
  return null;
}
