/** All keys of the page, in one table: what is bound, what it does, and how it is said. */
import { matchKeybindingPress, parseKeybinding } from "tinykeys";
import type { MessageKey } from "./messages.js";
import { readSetting, writeSetting } from "./settings.js";

export type Group = "decide" | "go" | "play" | "cut" | "page";
export type Preset = "awct2" | "aegisub";

export interface Binding {
  id: CommandId;
  group: Group;
  /** Combinations of tinykeys. Letters are named by where they lie (`KeyE`), so that kana input changes nothing. */
  keys: readonly string[];
  /** In the preset "Aegisub", where that differs: its keys for the same deed. */
  aegisub?: readonly string[];
  /** Whether it works while somebody types in a text field. */
  inText?: boolean;
  label: MessageKey;
}

// "Aegisub" follows its default hotkeys for audio: Q E D W around the edges, X and Z to go, G commits, S plays.
const table = [
  { id: "accept", group: "decide", keys: ["Enter"], aegisub: ["Enter", "KeyG"], label: "key.accept" },
  { id: "edit", group: "decide", keys: ["KeyE", "F2"], aegisub: ["KeyI", "F2"], label: "key.edit" },
  { id: "keep", group: "decide", keys: ["$mod+Enter"], inText: true, label: "key.keep" },
  { id: "leave", group: "decide", keys: ["Escape"], inText: true, label: "key.leave" },
  { id: "reject", group: "decide", keys: ["KeyX"], aegisub: ["$mod+Delete"], label: "key.reject" },
  { id: "other", group: "decide", keys: ["KeyO"], label: "key.other" },
  { id: "tag", group: "decide", keys: ["KeyT"], label: "key.tag" },
  { id: "undo", group: "decide", keys: ["$mod+KeyZ"], label: "key.undo" },
  { id: "redo", group: "decide", keys: ["$mod+Shift+KeyZ", "$mod+KeyY"], label: "key.redo" },
  { id: "next", group: "go", keys: ["KeyJ", "ArrowDown"], aegisub: ["KeyX", "ArrowRight", "ArrowDown"], label: "key.next" },
  { id: "previous", group: "go", keys: ["KeyK", "ArrowUp"], aegisub: ["KeyZ", "ArrowLeft", "ArrowUp"], label: "key.previous" },
  { id: "skip", group: "go", keys: ["KeyS"], aegisub: ["KeyN"], label: "key.skip" },
  { id: "first", group: "go", keys: ["Home"], label: "key.first" },
  { id: "last", group: "go", keys: ["End"], label: "key.last" },
  { id: "page-down", group: "go", keys: ["PageDown"], label: "key.page_down" },
  { id: "page-up", group: "go", keys: ["PageUp"], label: "key.page_up" },
  { id: "play", group: "play", keys: ["Space"], aegisub: ["Space", "KeyB"], label: "key.play" },
  { id: "replay", group: "play", keys: ["KeyR"], aegisub: ["KeyR", "KeyS"], label: "key.replay" },
  { id: "before-start", group: "play", keys: ["KeyQ"], label: "key.before_start" },
  { id: "after-start", group: "play", keys: ["KeyW"], aegisub: ["KeyE"], label: "key.after_start" },
  { id: "before-end", group: "play", keys: ["KeyD"], label: "key.before_end" },
  { id: "after-end", group: "play", keys: ["KeyF"], aegisub: ["KeyW"], label: "key.after_end" },
  { id: "slower", group: "play", keys: ["-"], label: "key.slower" },
  { id: "faster", group: "play", keys: ["="], label: "key.faster" },
  { id: "start-earlier", group: "cut", keys: ["["], label: "key.start_earlier" },
  { id: "start-later", group: "cut", keys: ["]"], label: "key.start_later" },
  { id: "end-earlier", group: "cut", keys: ["{"], label: "key.end_earlier" },
  { id: "end-later", group: "cut", keys: ["}"], label: "key.end_later" },
  { id: "split", group: "cut", keys: ["Alt+Enter", "$mod+Shift+KeyS"], inText: true, label: "key.split" },
  { id: "merge", group: "cut", keys: ["KeyM"], label: "key.merge" },
  { id: "search", group: "page", keys: ["/"], label: "key.search" },
  { id: "batch", group: "page", keys: ["KeyB"], aegisub: ["Shift+KeyB"], label: "key.batch" },
  { id: "replace", group: "page", keys: ["KeyH"], label: "key.replace" },
  { id: "refresh", group: "page", keys: ["KeyU"], label: "key.refresh" },
  { id: "settings", group: "page", keys: [","], label: "key.settings" },
  { id: "help", group: "page", keys: ["?", "F1"], label: "key.help" },
] as const;

export type CommandId = (typeof table)[number]["id"];
export const BINDINGS: readonly Binding[] = table;
export const GROUPS: readonly Group[] = ["decide", "go", "play", "cut", "page"];

/** Where the signs lie on a keyboard of the US: for input that gives no Latin sign, as kana input does. */
const SIGNS: Record<string, string> = {
  "/": "Slash",
  "?": "Shift+Slash",
  "-": "Minus",
  "=": "Equal",
  "[": "BracketLeft",
  "]": "BracketRight",
  "{": "Shift+BracketLeft",
  "}": "Shift+BracketRight",
  ",": "Comma",
  ".": "Period",
  ";": "Semicolon",
};

const MODIFIERS = ["Control", "Alt", "Shift", "Meta"] as const;
const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** Whether the key is part of a conversion by an input method: then it is no command (K3). */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Whether `combination` is a letter or sign alone: it must not work in text fields, and can be switched off (K5). */
export function isSingle(combination: string): boolean {
  return combination in SIGNS || /^(Shift\+)?(Key[A-Z]|Digit\d|.)$/.test(combination);
}

/** Whether `event` is the pressing of `combination`. */
export function matches(event: KeyboardEvent, combination: string): boolean {
  const sign = SIGNS[combination];
  if (sign !== undefined) {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    // a sign is what the keyboard's layout makes of the key; only where that is no Latin sign, where it lies
    if (/^[!-~]$/.test(event.key)) return event.key === combination;
    return matches(event, sign);
  }
  const press = parseKeybinding(combination)[0];
  return press !== undefined && matchKeybindingPress(event, press);
}

/** The combination that `event` presses, as it is written in the table; null for a modifier alone. */
export function combinationOf(event: KeyboardEvent): string | null {
  if (MODIFIERS.some((name) => event.key === name) || isComposing(event)) return null;
  const single = !event.ctrlKey && !event.altKey && !event.metaKey;
  if (single && event.key in SIGNS) return event.key;
  const held = MODIFIERS.filter((name) => event.getModifierState(name)).map((name) =>
    name === (IS_MAC ? "Meta" : "Control") ? "$mod" : name,
  );
  return [...held, event.code || event.key].join("+");
}

/** `combination` as people read it: "Ctrl + Enter". */
export function shown(combination: string): string {
  return parts(combination).join(" + ");
}

function parts(combination: string): string[] {
  if (combination in SIGNS) return [combination];
  const names: Record<string, string> = {
    $mod: IS_MAC ? "⌘" : "Ctrl",
    Control: "Ctrl",
    Meta: IS_MAC ? "⌘" : "Meta",
    Alt: IS_MAC ? "⌥" : "Alt",
    ArrowDown: "↓",
    ArrowUp: "↑",
    ArrowLeft: "←",
    ArrowRight: "→",
    Escape: "Esc",
  };
  return combination.split("+").map((part) => names[part] ?? part.replace(/^(Key|Digit)(?=.$)/, ""));
}

/** `combination` as `aria-keyshortcuts` takes it: "Control+Enter". */
function ariaKeys(combination: string): string {
  const modifier = IS_MAC ? "Meta" : "Control";
  return combination.replace("$mod", modifier).replace(/\bKey(?=[A-Z]$)/, "");
}

/** What is bound now: the preset, and what the reviewer has changed in it. Dispatches "change". */
export class KeyMap extends EventTarget {
  #preset: Preset = readSetting<Preset>("keys.preset", "awct2", (value) => value === "awct2" || value === "aegisub");
  #singles: boolean = readSetting<boolean>("keys.singles", true, (value) => typeof value === "boolean");
  #own: Partial<Record<CommandId, string[]>> = readSetting("keys.own", {}, isOwn);

  get preset(): Preset {
    return this.#preset;
  }

  set preset(preset: Preset) {
    this.#preset = preset;
    this.#keep();
  }

  /** Whether letters and signs alone are bound. */
  get singles(): boolean {
    return this.#singles;
  }

  set singles(singles: boolean) {
    this.#singles = singles;
    this.#keep();
  }

  /** What `id` is bound to; the first is the one to show. */
  of(id: CommandId): readonly string[] {
    const all = this.#own[id] ?? this.presetOf(id, this.#preset);
    return this.#singles ? all : all.filter((combination) => !isSingle(combination));
  }

  /** What `id` is bound to in `preset`, before anything was changed. */
  presetOf(id: CommandId, preset: Preset): readonly string[] {
    const binding = BINDINGS.find((other) => other.id === id);
    return (preset === "aegisub" ? binding?.aegisub : undefined) ?? binding?.keys ?? [];
  }

  /** Whether the reviewer has bound `id` to something else. */
  isOwn(id: CommandId): boolean {
    return this.#own[id] !== undefined;
  }

  /** Binds `id` to `combinations`, and to nothing else; null: as the preset has it. */
  bind(id: CommandId, combinations: string[] | null): void {
    if (combinations === null) delete this.#own[id];
    else this.#own[id] = combinations;
    this.#keep();
  }

  /** As the preset has it, all. */
  reset(): void {
    this.#own = {};
    this.#keep();
  }

  /** Which other command `combination` is bound to, or null. */
  taken(combination: string, id: CommandId): CommandId | null {
    return BINDINGS.find((other) => other.id !== id && this.of(other.id).includes(combination))?.id ?? null;
  }

  /** For `aria-keyshortcuts`; empty where nothing is bound. */
  aria(id: CommandId): string {
    return this.of(id).map(ariaKeys).join(" ");
  }

  /** The first key of `id` as people read it; empty where nothing is bound. */
  hint(id: CommandId): string {
    const first = this.of(id)[0];
    return first === undefined ? "" : shown(first);
  }

  /** What `event` asks for; `inText`: somebody types in a text field. */
  command(event: KeyboardEvent, inText: boolean): CommandId | null {
    if (isComposing(event)) return null;
    for (const { id, inText: works } of BINDINGS) {
      if (inText && !works) continue;
      for (const combination of this.of(id)) {
        if (inText && isSingle(combination)) continue;
        if (matches(event, combination)) return id;
      }
    }
    return null;
  }

  #keep(): void {
    writeSetting("keys.preset", this.#preset);
    writeSetting("keys.singles", this.#singles);
    writeSetting("keys.own", this.#own);
    this.dispatchEvent(new Event("change"));
  }
}

function isOwn(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every((keys) => Array.isArray(keys) && keys.every((key) => typeof key === "string"));
}
