/** Asks the server: one method for each route of api.ts. What it answers with an error is thrown as a Failure. */
import type {
  Batch,
  BatchDone,
  BatchPreview,
  Decided,
  Decision,
  Detail,
  Problem,
  Queue,
  QueueRequest,
  Replace,
  ReplaceChosen,
  ReplacePreview,
  Row,
  Rule,
  Sample,
  SampleClosed,
  State,
} from "./api.js";

/** What the server refused, or that it could not be reached (`status` 0, code "unreachable"). */
export class Failure extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.error);
    this.name = "Failure";
    this.status = status;
    this.problem = problem;
  }

  get unreachable(): boolean {
    return this.status === 0;
  }

  /** Whether it may be taken later: once the server can be reached, or once it knows this page again. */
  get waits(): boolean {
    return this.unreachable || this.status === 401;
  }
}

/** Whether `error` says that the change is on the disk although the server could not show what came of it. */
export function isSaved(error: unknown): boolean {
  return error instanceof Failure && error.problem.code === "saved_not_shown";
}

/** Whether `error` says that a request was given up by the page itself. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Sound around a segment: a WAV file, and what it reaches of the recording, in seconds. */
export interface ClipBytes {
  bytes: ArrayBuffer;
  start_s: number;
  end_s: number;
}

export class Client {
  state = (signal?: AbortSignal) => this.#json<State>("api/state", undefined, signal);

  queue = (request: QueueRequest, signal?: AbortSignal) => this.#json<Queue>("api/queue", request, signal);

  async rows(queue: number, from: number, count: number, signal?: AbortSignal): Promise<Row[]> {
    const path = `api/queue/${queue}/rows?from=${from}&count=${count}`;
    return (await this.#json<{ rows: Row[] }>(path, undefined, signal)).rows;
  }

  async find(queue: number, row: number): Promise<number | null> {
    return (await this.#json<{ position: number | null }>(`api/queue/${queue}/find?row=${row}`)).position;
  }

  detail = (row: number, signal?: AbortSignal) => this.#json<Detail>(`api/row/${row}`, undefined, signal);

  async clip(row: number, margin_s: number, signal?: AbortSignal): Promise<ClipBytes> {
    const answer = await this.#answer(`api/clip/${row}?margin=${margin_s}`, undefined, signal);
    const start_s = Number(answer.headers.get("X-Clip-Start"));
    const end_s = Number(answer.headers.get("X-Clip-End"));
    return { bytes: await answer.arrayBuffer(), start_s, end_s };
  }

  decide = (decision: Decision) => this.#json<Decided>("api/decide", decision);
  undo = () => this.#json<Decided>("api/undo", {});
  redo = () => this.#json<Decided>("api/redo", {});
  batch = (batch: Batch) => this.#json<BatchDone>("api/batch", { ...batch, dry: false });
  previewBatch = (batch: Batch, signal?: AbortSignal) =>
    this.#json<BatchPreview>("api/batch", { ...batch, dry: true }, signal);
  replace = (chosen: ReplaceChosen) => this.#json<BatchDone>("api/replace", chosen);
  previewReplace = (asked: Replace, signal?: AbortSignal) =>
    this.#json<ReplacePreview>("api/replace/preview", asked, signal);
  readRules = async (csv: string) => (await this.#json<{ rules: Rule[] }>("api/rules/read", { csv })).rules;
  writeRules = async (rules: Rule[]) => (await this.#json<{ csv: string }>("api/rules/write", { rules })).csv;
  sample = (queue: number, k: number, only_undecided: boolean) =>
    this.#json<Sample>("api/sample", { queue, k, only_undecided });
  closeSample = (sample: string) => this.#json<SampleClosed>("api/sample/close", { sample });
  save = async () => (await this.#json<{ path: string }>("api/save", {})).path;

  async #json<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    return (await (await this.#answer(path, body, signal)).json()) as T;
  }

  async #answer(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const request: RequestInit = { credentials: "same-origin", cache: "no-store" };
    if (signal) request.signal = signal;
    if (body !== undefined) {
      request.method = "POST";
      request.headers = { "Content-Type": "application/json" };
      request.body = JSON.stringify(body);
    }
    let answer: Response;
    try {
      answer = await fetch(path, request);
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new Failure(0, { error: String(error), code: "unreachable" });
    }
    if (answer.ok) return answer;
    throw new Failure(answer.status, await problemOf(answer));
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    const problem = (await answer.json()) as Partial<Problem>;
    if (typeof problem.error === "string") return { code: "", ...problem } as Problem;
  } catch {
    // not JSON: a guard's plain answer, or a proxy's
  }
  return { error: `${answer.status} ${answer.statusText}`, code: answer.status === 401 ? "signed_out" : "" };
}
