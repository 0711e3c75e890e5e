/** Says things in the reviewer's language: `t("key", { n: 3 })`. English and Japanese have the same keys. */
import { en as coreEn, ja as coreJa } from "./messages-core.js";
import { en as dialogsEn, ja as dialogsJa } from "./messages-dialogs.js";
import { en as keepingEn, ja as keepingJa } from "./messages-keeping.js";
import { en as panelsEn, ja as panelsJa } from "./messages-panels.js";
import { en as problemsEn, ja as problemsJa } from "./messages-problems.js";

export type Language = "en" | "ja";
type CoreKey = keyof typeof coreEn;
type KeepingKey = keyof typeof keepingEn;
type DialogsKey = keyof typeof dialogsEn;
type PanelsKey = keyof typeof panelsEn;
type ProblemsKey = keyof typeof problemsEn;
export type MessageKey = CoreKey | KeepingKey | DialogsKey | PanelsKey | ProblemsKey;

const MESSAGES: Record<Language, Record<MessageKey, string>> = {
  en: { ...coreEn, ...keepingEn, ...dialogsEn, ...panelsEn, ...problemsEn },
  ja: { ...coreJa, ...keepingJa, ...dialogsJa, ...panelsJa, ...problemsJa },
};

/** The language that the address asks for (`?lang=`), else the first of the browser's that the page knows. */
function chosen(): Language {
  const asked = [new URLSearchParams(location.search).get("lang"), ...navigator.languages];
  for (const tag of asked) {
    const language = tag?.toLowerCase().split("-")[0];
    if (language === "en" || language === "ja") return language;
  }
  return "en";
}

const LANGUAGE: Language = chosen();

/** The language of the page: it does not change while the page is open. */
export function language(): Language {
  return LANGUAGE;
}

/** The text of `key`, with each `{name}` in it replaced; numbers as the language writes them. */
export function t(key: MessageKey, params: Record<string, string | number> = {}): string {
  return MESSAGES[LANGUAGE][key].replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : isolated(value);
  });
}

const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name within a sentence: where it would turn the direction of what stands around it, it is told not to. */
export function isolated(name: string): string {
  const plain = name.replace(DIRECTIONS, "");
  return plain === name ? name : `\u2068${plain}\u2069`;
}

/** `t(key)` for one and `t(key + "s")` for several: Japanese says both alike. */
export function count(n: number, key: Plural, params: Record<string, string | number> = {}): string {
  return t(n === 1 ? key : (`${key}s` as MessageKey), { n, ...params });
}

/** Keys that have a plural beside them. */
export type Plural = { [K in MessageKey]: `${K}s` extends MessageKey ? K : never }[MessageKey];

/** The name of what the server says by a code (a flag, a status, a reason), or the code itself. */
export function named(kind: "flag" | "status" | "reason" | "action" | "problem", code: string): string {
  const key = `${kind}.${code}`;
  return key in MESSAGES[LANGUAGE] ? MESSAGES[LANGUAGE][key as MessageKey] : code;
}

const FORMATS = new Map<number, Intl.NumberFormat>();

/** `value` as the language writes it, with `digits` after the point. */
export function number(value: number, digits = 0): string {
  const known = FORMATS.get(digits);
  const exact = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = known ?? new Intl.NumberFormat(LANGUAGE, digits ? exact : { maximumFractionDigits: 3 });
  if (!known) FORMATS.set(digits, format);
  return format.format(value);
}

/** Opens the page anew in `other`; what is filtered stays. */
export function setLanguage(other: Language): void {
  const address = new URL(location.href);
  address.searchParams.set("lang", other);
  location.assign(address);
}
