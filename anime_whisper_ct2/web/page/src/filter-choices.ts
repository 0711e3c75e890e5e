/** What the selects of the filters offer, with how many segments each would leave. */

import { isolated, named, number, t } from "./messages.js";
import type { Store } from "./store.js";

export interface Choice {
  value: string;
  label: string;
}

const STATUSES = ["undecided", "open", "accepted", "corrected", "rejected", "conflict", "unheard"] as const;

/** All flags of what is open: those that the other filters leave nothing of as well. */
export function flags(store: Store): Choice[] {
  const facets = new Map(store.queue?.flags.map((facet) => [facet.name, facet.count]));
  const names = new Set([...(store.state?.flags ?? []), ...facets.keys()]);
  const count = (name: string) => (store.queue ? (facets.get(name) ?? 0) : undefined);
  return [
    { value: "", label: t("filters.any") },
    { value: "none", label: t("filters.no_flags") },
    ...[...names].map((name) => ({ value: name, label: counted(named("flag", name), count(name)) })),
  ];
}

export function statuses(store: Store): Choice[] {
  const counts = store.queue?.statuses;
  return [
    { value: "", label: t("filters.any") },
    ...STATUSES.map((status) => ({ value: status, label: counted(named("status", status), counts?.[status]) })),
  ];
}

// In the place of a speaker: of whom the run tells nothing.
const NO_SPEAKER = "/";

/** The speakers with most segments; how many others there are is said. */
export function speakers(store: Store): Choice[] {
  const left_out = store.queue?.speakers_left_out ?? 0;
  const known = store.queue?.speakers.filter((facet) => facet.name !== "") ?? [];
  const unknown = store.queue?.speakers.find((facet) => facet.name === "")?.count ?? 0;
  const isAsked = store.request.filters.speaker === NO_SPEAKER;
  return [
    { value: "", label: left_out > 0 ? t("filters.any_left_out", { n: left_out }) : t("filters.any") },
    ...known.map((facet) => ({ value: facet.name, label: counted(facet.name, facet.count) })),
    ...(unknown > 0 || isAsked ? [{ value: NO_SPEAKER, label: counted(t("filters.no_speaker"), unknown) }] : []),
  ];
}

/** Names as they are. */
export function plain(names: readonly string[]): Choice[] {
  return [{ value: "", label: t("filters.any") }, ...names.map((name) => ({ value: name, label: name }))];
}

/** A name with a figure behind it. */
export function counted(name: string, n: number | undefined): string {
  return n === undefined ? name : `${isolated(name)} (${number(n)})`;
}
