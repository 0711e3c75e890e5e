/** The filters and the order of the queue in the page's address, so that reload, back and a bookmark restore them. */
import type { Filters, QueueRequest, Sort } from "./api.js";

const TEXTS = ["flag", "status", "speaker", "tag", "by", "path", "search"] as const;
const NUMBERS = ["min_s", "max_s", "min_logprob", "max_logprob", "min_cps", "max_cps"] as const;
const SWITCHES = ["regex", "nfkc", "differs"] as const;
export const SORTS: readonly Sort[] = ["risk", "id", "length", "logprob", "cps", "cer"];

/** What a reviewer sees at first: everything, what needs an ear first. */
export const FIRST: QueueRequest = { filters: {}, sort: "risk", descending: true };

/** The queue that `address` asks for, and the row to be at; what makes no sense is passed over. */
export function read(address: string): { request: QueueRequest; row: number | null } {
  const query = new URL(address).searchParams;
  const filters: Filters = {};
  for (const name of TEXTS) {
    const value = query.get(name);
    if (value) (filters as Record<string, string>)[name] = value;
  }
  for (const name of NUMBERS) {
    const value = query.get(name);
    if (value && Number.isFinite(Number(value))) filters[name] = Number(value);
  }
  for (const name of SWITCHES) if (query.get(name) === "1") filters[name] = true;
  const sort = SORTS.find((name) => name === query.get("sort")) ?? FIRST.sort;
  const order = query.get("order");
  const descending = order === null ? isDescendingFirst(sort) : order === "desc";
  const row = query.get("row");
  return { request: { filters, sort, descending }, row: row && /^\d+$/.test(row) ? Number(row) : null };
}

/** `address` with `request` in it; what belongs to neither (`lang`) stays. */
export function written(address: string, request: QueueRequest, row: number | null): string {
  const url = new URL(address);
  const query = url.searchParams;
  for (const name of [...TEXTS, ...NUMBERS, ...SWITCHES, "sort", "order", "row"]) query.delete(name);
  for (const name of [...TEXTS, ...NUMBERS]) {
    const value = request.filters[name];
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  for (const name of SWITCHES) if (request.filters[name]) query.set(name, "1");
  if (request.sort !== FIRST.sort) query.set("sort", request.sort);
  if (request.descending !== isDescendingFirst(request.sort)) query.set("order", request.descending ? "desc" : "asc");
  if (row !== null) query.set("row", String(row));
  return url.href;
}

/** Whether the order begins at the high end unless somebody turns it: the riskiest and most different first. */
export function isDescendingFirst(sort: Sort): boolean {
  return sort === "risk" || sort === "cer";
}
