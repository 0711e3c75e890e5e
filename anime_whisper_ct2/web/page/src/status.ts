/** Signs of what was decided: a status is never told by colour alone. */
import type { Status } from "./api.js";

export const SIGNS: Record<Status, string> = {
  open: "○",
  accepted: "✓",
  corrected: "✎",
  rejected: "✕",
  conflict: "⚠",
};
