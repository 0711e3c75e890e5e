/** What each command does: keys, buttons and dialogs all come here. */
import type { CommandId } from "./keys.js";
import { t } from "./messages.js";
import { type Player, RATE_STEP } from "./player.js";
import type { Store } from "./store.js";
import type { Side } from "./edges.js";

export type Dialog = "batch" | "replace" | "settings" | "help";

/** What commands need of the page besides the store and the player. */
export interface Page {
  readonly store: Store;
  readonly player: Player;
  /** Rows in view. */
  readonly pageRows: number;
  edit(): void;
  leave(): void;
  search(): void;
  split(): void;
  merge(): void;
  nudge(side: Side, steps: number): void;
  tag(): void;
  open(dialog: Dialog): void;
}

/** Commands that make no sense when their key is held down. */
export function isOnce(id: CommandId): boolean {
  return !REPEATED.has(id);
}

const REPEATED = new Set<CommandId>([
  ...(["next", "previous", "page-down", "page-up", "slower", "faster"] as const),
  ...(["start-earlier", "start-later", "end-earlier", "end-later"] as const),
]);

const DEEDS: Record<CommandId, (page: Page) => void> = {
  accept: (page) => accepted(page),
  keep: (page) => accepted(page),
  edit: (page) => page.edit(),
  leave: (page) => page.leave(),
  reject: ({ store }) => goOn(store, () => void store.decide("reject")),
  other: ({ store }) => {
    if (typeof store.detail?.other !== "string") store.say(t("pane.no_other"));
    else if (!store.refusesOverDraft()) goOn(store, () => void store.takeOther());
  },
  tag: (page) => page.tag(),
  undo: ({ store }) => void store.undo(),
  redo: ({ store }) => void store.redo(),
  next: ({ store }) => store.next(),
  previous: ({ store }) => store.previous(),
  skip: ({ store }) => store.skip(),
  first: ({ store }) => store.go(0),
  last: ({ store }) => store.go(store.count - 1),
  "page-down": ({ store, pageRows }) => store.go(store.position + pageRows),
  "page-up": ({ store, pageRows }) => store.go(store.position - pageRows),
  play: ({ player }) => player.toggle(),
  replay: ({ player }) => player.play(),
  "before-start": ({ player }) => player.playEdge("before-start"),
  "after-start": ({ player }) => player.playEdge("after-start"),
  "before-end": ({ player }) => player.playEdge("before-end"),
  "after-end": ({ player }) => player.playEdge("after-end"),
  slower: ({ player }) => void (player.rate -= RATE_STEP),
  faster: ({ player }) => void (player.rate += RATE_STEP),
  "start-earlier": (page) => page.nudge("start", -1),
  "start-later": (page) => page.nudge("start", 1),
  "end-earlier": (page) => page.nudge("end", -1),
  "end-later": (page) => page.nudge("end", 1),
  split: (page) => page.split(),
  merge: (page) => page.merge(),
  search: (page) => page.search(),
  batch: (page) => page.open("batch"),
  replace: (page) => page.open("replace"),
  refresh: ({ store }) => void store.refreshQueue(),
  settings: (page) => page.open("settings"),
  help: (page) => page.open("help"),
};

/** Does what `id` says. */
export function carryOut(id: CommandId, page: Page): void {
  DEEDS[id](page);
}

function accepted(page: Page): void {
  const { store } = page;
  const text = store.text;
  if (store.isDraft && text.trim() === "") return store.say(t("pane.empty_text"));
  const refused = store.isDraft ? store.detail?.refused.find((sign) => text.includes(sign)) : undefined;
  if (refused !== undefined) return store.say(t("pane.refused_sign", { sign: refused }));
  page.leave();
  goOn(store, () => void store.accept());
}

/** Decides, and goes to the next clip at once: the disk is not waited for. */
function goOn(store: Store, decide: () => void): void {
  if (!store.row) return;
  decide();
  store.next();
}
