/** Which characters of a text were spoken when, and how sure the run was of them. */
import type { Word } from "./api.js";

/** A word at its place in the text: characters `from` to `to`, the latter not included. */
export interface Placed {
  from: number;
  to: number;
  word: Word;
}

/** Below this probability a character is marked. */
export const DOUBTFUL = 0.5;

/** Finds `words` in `text`, in order; those that were edited away are left out. */
export function placed(text: string, words: readonly Word[]): Placed[] {
  const found: Placed[] = [];
  let at = 0;
  for (const word of words) {
    const said = word.text.trim();
    const from = said === "" ? -1 : text.indexOf(said, at);
    if (from < 0) continue;
    at = from + said.length;
    found.push({ from, to: at, word });
  }
  return found;
}

/** When the character at `index` was spoken, in seconds of the recording; null where that is not known. */
export function timeAt(index: number, words: readonly Placed[]): number | null {
  const place = words.find((other) => index >= other.from && index < other.to);
  if (!place) return null;
  const share = (index - place.from) / (place.to - place.from);
  return place.word.start + share * (place.word.end - place.word.start);
}

export interface Stretch {
  text: string;
  doubtful: boolean;
}

/** `text` in stretches, doubtful ones and others. */
export function stretches(text: string, words: readonly Placed[]): Stretch[] {
  const parts: Stretch[] = [];
  let at = 0;
  for (const { from, to, word } of words) {
    if (word.probability >= DOUBTFUL) continue;
    if (from > at) parts.push({ text: text.slice(at, from), doubtful: false });
    parts.push({ text: text.slice(from, to), doubtful: true });
    at = to;
  }
  if (at < text.length) parts.push({ text: text.slice(at), doubtful: false });
  return parts;
}

/** Where the first doubtful character is; null where there is none. */
export function firstDoubtful(words: readonly Placed[]): number | null {
  return words.find(({ word }) => word.probability < DOUBTFUL)?.from ?? null;
}
