/** Lists that outlive a reload of the page, in this tab only. */

/** What was kept under `key`; nothing where it is somebody else's entry, or storage is off. */
export function readKept<T>(key: string): T[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? (kept as T[]) : [];
  } catch {
    return [];
  }
}

/** Keeps `list`; where storage is off or full it lasts as long as the page. */
export function writeKept(key: string, list: readonly unknown[]): void {
  try {
    if (list.length > 0) sessionStorage.setItem(key, JSON.stringify(list));
    else sessionStorage.removeItem(key);
  } catch {
    // the page goes on without
  }
}
