/** Commands that a panel asks for: carried out by the page, as if their keys were pressed. */

import type { CommandId } from "./keys.js";

/** Asks for what the key of `id` does. */
export function asked(panel: HTMLElement, id: CommandId): void {
  panel.dispatchEvent(new CustomEvent("awct2-command", { detail: { id }, bubbles: true, composed: true }));
}
