/** Follows a queue that a split, a merge or a batch has changed: the old rows stay until the new ones are here. */
import type { Row } from "./api.js";
import { type Client, Failure } from "./client.js";
import { Pages } from "./pages.js";

const RETRY_MS = 1_000;

/** Where the reviewer is in the old pages. */
export interface Place {
  row: Row | undefined;
  position: number;
  shown: [from: number, to: number]; // positions that are on screen
}

export interface Rearranged {
  pages: Pages;
  position: number; // of the row that the reviewer is at by then
}

/**
 * Fetches what stands around the reviewer's row in the queue of `pages`, which has `count` rows now.
 *
 * `place` is asked anew: the reviewer goes on meanwhile. A row that is gone is followed by `heir`. `opened` is called with
 * the new pages before anything comes. Answers null once `isOver`; throws Failure where the server has no such queue.
 */
export async function rearranged(
  client: Client,
  old: Pages,
  count: number,
  heir: Row | undefined,
  place: () => Place,
  opened: (pages: Pages) => void,
): Promise<Rearranged | null> {
  const pages = new Pages(client, old.queue, count);
  opened(pages);
  const find = async (row: Row | undefined) => (row ? await client.find(old.queue, row.row) : null);
  while (!pages.closed) {
    const { row, position, shown } = place();
    try {
      const now = Math.max(0, Math.min(count - 1, (await find(row)) ?? (await find(heir)) ?? position));
      const by = now - position;
      await Promise.all([now, shown[0] + by, Math.min(count, shown[1] + by) - 1].map((at) => pages.wait(at)));
      if (pages.closed) return null;
      const isHere = count === 0 || pages.at(now) !== undefined;
      if (isHere && place().row?.row === row?.row) return { pages, position: now };
      if (isHere) continue;
    } catch (error) {
      if (error instanceof Failure && error.status >= 400 && !error.waits) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return null;
}
