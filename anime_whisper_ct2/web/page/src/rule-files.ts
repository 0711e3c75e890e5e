/** Rules in files: read as spreadsheets write them, and saved so that spreadsheets read them. */

const MARK = "\ufeff"; // without it Excel takes UTF-8 for the encoding of the system
const KEPT_MS = 60_000;

/** The text of a CSV: UTF-8, or Shift_JIS as Excel writes it in Japanese. */
export async function textOf(file: File): Promise<string> {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("shift_jis").decode(bytes);
  }
}

/** Offers a CSV for saving; it never leaves the machine. */
export function offered(csv: string, name: string): void {
  const address = URL.createObjectURL(new Blob([MARK, csv], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
