/** What to tell the reviewer of an error: a sentence in their language, and in brackets what the server says of it. */
import { Failure } from "./client.js";
import { named, t } from "./messages.js";

// Of these, the page's own sentence says all that there is to say.
const PLAIN = new Set(["unreachable", "signed_out", "no_token", "stale", "queue_gone", "preview_gone", "failed"]);

export function problemText(error: unknown): string {
  if (!(error instanceof Failure)) return String(error);
  const { code, error: detail } = error.problem;
  const what = named("problem", code);
  if (what === code || what === "") return detail;
  return PLAIN.has(code) ? what : t("problem.with_detail", { what, detail });
}

/** Why the server takes the filters of a queue for none: a pattern that is none, bounds that leave nothing between. */
export function filterProblem(error: unknown): string | null {
  if (!(error instanceof Failure) || error.status !== 400) return null;
  return t("filters.refused", { detail: error.problem.error });
}

/** Why a clip has no sound, to be said behind words that it has none. */
export function soundProblem(error: unknown): string {
  return error instanceof Failure && error.problem.code === "no_sound" ? error.problem.error : problemText(error);
}
