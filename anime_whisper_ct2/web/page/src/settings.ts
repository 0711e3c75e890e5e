/** What a reviewer has chosen on this computer: in the browser's storage, and forgotten where that is off. */

const PREFIX = "awct2.";

/** What was chosen under `name`, or `otherwise`; `valid` says whether what lies there can be it. */
export function readSetting<T>(name: string, otherwise: T, valid: (value: unknown) => boolean): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
    return value !== null && valid(value) ? (value as T) : otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps `value` under `name`; null forgets it. */
export function writeSetting(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // storage is off: the choice lasts as long as the page
  }
}

export type Theme = "system" | "light" | "dark";

export function theme(): Theme {
  return readSetting<Theme>("theme", "system", (value) => value === "light" || value === "dark");
}

export function setTheme(chosen: Theme): void {
  writeSetting("theme", chosen === "system" ? null : chosen);
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}
