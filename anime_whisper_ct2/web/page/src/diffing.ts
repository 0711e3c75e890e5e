/** Where two texts differ, character by character. */

import type { DiffPart } from "./api.js";

const MOST_CELLS = 250_000; // of the table; what is larger is shown as replaced in one piece

/** The stretches of both texts: equal, or one in the place of the other. Joined, they are the texts. */
export function characterDiff(here: string, other: string): DiffPart[] {
  const a = [...here];
  const b = [...other];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail++;
  }
  const parts: DiffPart[] = [];
  push(parts, a.slice(0, head).join(""), a.slice(0, head).join(""), true);
  middle(parts, a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const end = a.slice(a.length - tail).join("");
  push(parts, end, end, true);
  return parts;
}

function middle(parts: DiffPart[], a: string[], b: string[]): void {
  if (a.length === 0 || b.length === 0 || (a.length + 1) * (b.length + 1) > MOST_CELLS) {
    push(parts, a.join(""), b.join(""), false);
    return;
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width); // of what both have in common, from here on
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? (longest[(i + 1) * width + j + 1] as number) + 1
          : Math.max(longest[(i + 1) * width + j] as number, longest[i * width + j + 1] as number);
    }
  }
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      push(parts, a[i] as string, b[j] as string, true);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && cell(longest, i + 1, j, width) >= cell(longest, i, j + 1, width))) {
      push(parts, a[i] as string, "", false);
      i++;
    } else {
      push(parts, "", b[j] as string, false);
      j++;
    }
  }
}

function cell(table: Uint16Array, i: number, j: number, width: number): number {
  return table[i * width + j] as number;
}

function push(parts: DiffPart[], here: string, other: string, equal: boolean): void {
  if (here === "" && other === "") {
    return;
  }
  const last = parts.at(-1);
  if (last !== undefined && (last.kind === "equal") === equal) {
    last.here += here;
    last.other += other;
  } else {
    parts.push({ kind: "equal", here, other });
  }
  const part = parts.at(-1) as DiffPart;
  if (!equal) {
    part.kind = part.here === "" ? "insert" : part.other === "" ? "delete" : "replace";
  }
}
