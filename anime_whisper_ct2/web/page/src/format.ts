/** Figures as people read them, in the language of the page. */

import { language, number, t } from "./messages.js";

/** A length of time in the unit that suits it: seconds, minutes or hours. */
export function lasting(seconds: number): string {
  if (seconds < 60) return t("lasting.s", { n: number(seconds, 1) });
  if (seconds < 3600) return t("lasting.min", { n: number(seconds / 60, 1) });
  return t("lasting.h", { n: number(seconds / 3600, 1) });
}

/** Day and time of a time stamp in the log. */
export function moment(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return date.toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });
}

/** A time in a recording: 3:07.42. */
export function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(2);
  return `${minutes}:${rest.padStart(5, "0")}`;
}

/** An upper bound of a share as a percentage: rounded up, so that what is said is never less than what is known. */
export function bound(share: number): string {
  return `${number(Math.ceil(10_000 * share - 1e-6) / 100, 2)} %`;
}
