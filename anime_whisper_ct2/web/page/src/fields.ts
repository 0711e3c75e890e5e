/** Which keys belong to the control that has the focus, and not to the page. */

const SWITCHES = ["checkbox", "radio", "range"];

/** Whether letters pressed in `target` are its own. */
export function isField(target: EventTarget | undefined): boolean {
  if (target instanceof HTMLInputElement) return !SWITCHES.includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Whether `key` pressed on `target` is the control's own: Enter on a button, the arrows on a slider. */
export function isOwn(target: EventTarget | undefined, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.matches("input")) return key === " " || /^(Arrow|Page|Home|End)/.test(key);
  return (key === "Enter" || key === " ") && target.closest("button, a[href], summary") !== null;
}
