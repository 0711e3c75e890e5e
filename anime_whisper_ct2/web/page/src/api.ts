/**
 * What the page and its server say to each other: JSON over a few routes, all below the page's own address.
 *
 *   GET  api/state                   State: asked every half second while the index is being made, else now and then
 *   POST api/queue                   QueueRequest → Queue; freezes the rows that fit, in order
 *   GET  api/queue/{queue}/rows?from=0&count=100   { rows: Row[] }: as they are now, at most 200 of them
 *   GET  api/queue/{queue}/find?row=17   { position: number | null }
 *   GET  api/row/{row}               Detail
 *   GET  api/clip/{row}?margin=1     WAV, 16 bits; headers X-Clip-Start and X-Clip-End: what it reaches, in seconds of
 *                                    the recording; 422 with Problem where it cannot be decoded
 *   POST api/decide                  Decision → Decided; answered when it is on the disk
 *   POST api/undo, api/redo          {} → Decided; `rows` is empty where nothing is left to undo
 *   POST api/batch                   Batch → BatchDone;  with `dry: true` → BatchPreview
 *   POST api/replace/preview         Replace → ReplacePreview
 *   POST api/replace                 ReplaceChosen → BatchDone
 *   POST api/rules/read              { csv: string } → { rules: Rule[] };  POST api/rules/write { rules } → { csv }
 *   POST api/sample                  { queue, k, seed?, only_undecided? } → Sample: a queue of k rows, drawn at random; only
 *                                    of undecided ones unless that is false
 *   POST api/sample/close            { sample } → SampleClosed: counted, and kept in the log
 *   POST api/save                    {} → { path }: of a .list, a new one with the decisions in it
 *
 * Errors are 4xx and 5xx with Problem. 409: `seen` is not what the segment is now; Problem.row is the current one.
 * Times are in seconds of the recording. A row is a segment; its number stays the same while the server runs.
 */

export type Status = "open" | "accepted" | "corrected" | "rejected" | "conflict";
export type Action = "accept" | "correct" | "reject" | "tag" | "trim" | "split" | "merge";

export interface Problem {
  error: string; // a sentence, in English
  code: string; // messages-problems.ts lists them; "saved_not_shown": the change is on the disk, and is not to be sent again
  row?: Row;
}

export interface State {
  run: string; // what is open: a name
  kind: "run" | "list"; // list: it can be saved
  reviewer: string;
  ready: boolean; // the index is made
  progress: number; // 0 to 1
  problem: string | null; // why it cannot be made
  total: number; // segments
  seconds: number; // of sound in them
  against: string | null; // the name of the second run
  normalizer: string;
  words: boolean; // any segment has word times
  flags: string[]; // in what is open, by name
  tags: string[];
  reviewers: string[];
  counts: Record<Status, number>;
  stale: number; // decisions about what is not there any more
  can_undo: boolean;
  can_redo: boolean;
  note: string | null; // what a reviewer should know, such as rows that could not be read
}

export interface Filters {
  flag?: string; // a flag; "" or absent: any;  "none": without flags
  status?: Status | "undecided" | "unheard" | ""; // undecided: open or conflict; unheard: accepted, heard < 80 %
  speaker?: string; // "/": not known
  tag?: string;
  by?: string; // decided by
  path?: string; // a glob over ids
  min_s?: number;
  max_s?: number;
  min_logprob?: number;
  max_logprob?: number;
  min_cps?: number; // characters a second
  max_cps?: number;
  search?: string; // in the text
  regex?: boolean;
  nfkc?: boolean; // full and half width alike
  differs?: boolean; // from the second run
}

export type Sort = "risk" | "id" | "length" | "logprob" | "cps" | "cer";

export interface QueueRequest {
  filters: Filters;
  sort: Sort;
  descending: boolean;
}

export interface Facet {
  name: string;
  count: number;
}

export interface Queue {
  queue: number; // names it in other requests
  count: number;
  seconds: number;
  flags: Facet[]; // what the other filters leave
  speakers: Facet[]; // the 500 with most; behind them "": not known
  speakers_left_out: number;
  statuses: Record<Status | "undecided" | "unheard", number>;
}

export interface Row {
  row: number;
  id: string;
  start: number;
  end: number;
  text: string;
  status: Status;
  flags: string[];
  tags: string[];
  speaker: string;
  risk: number; // 0 to 1
  reasons: string[]; // why: codes, the weightiest first: a flag's name, "doubt", "retries", "speed_fast", "speed_slow", "differs"
  doubt: number | null;
  logprob: number | null;
  cps: number | null;
  cer: number | null; // against the second run, in percent
  by: string | null; // who decided
  at: string | null;
  heard: number | null;
  seen: string; // has to be sent back with a decision
}

export interface Word {
  start: number;
  end: number;
  text: string;
  probability: number;
}

/** A stretch of both texts, as they are compared: equal, or one in the place of the other. */
export interface DiffPart {
  kind: "equal" | "replace" | "insert" | "delete";
  here: string;
  other: string;
}

export interface Event {
  at: string;
  reviewer: string;
  action: Action | "undo";
  value: unknown;
  undone: boolean;
  batch: boolean;
}

export interface Detail extends Row {
  original: string; // the run's own text
  duration: number; // of the recording
  words: Word[]; // those of the text as it stands; empty where they are not known
  other: string | null; // the second run's text
  diff: DiffPart[];
  history: Event[];
  // in a conflict, all that it is between: the first is what stands there for the time being
  rivals: { reviewer: string; at: string; text: string; rejected: boolean }[];
  previous: number | null; // the segment before it in the recording
  next: number | null;
  meta: Record<string, unknown>;
  refused: string[]; // characters that its text may not hold, such as "|" in a list
}

export interface Decision {
  queue: number;
  position: number;
  row: number;
  seen: string;
  action: Action;
  value: unknown; // correct: text; tag: {add, remove}; trim: {start, end}; split: {texts: [a, b], at: s}; merge: null, with the next
  heard: number; // 0 to 1
  rate: number;
  ms: number;
}

export interface Decided {
  rows: Row[]; // all that changed, the first is the one to be at; after a batch no more than 200
  count: number; // how many segments changed
  what: Action | null; // of an undo: what was undone
  /** How the frozen queue changed by a split, a merge or their undoing; null: not at all. */
  queue: { count: number; from: number } | null;
  position: number | null; // of the first row in the queue
  can_undo: boolean;
  can_redo: boolean;
  counts: Record<Status, number>;
}

export interface Batch {
  queue: number;
  action: "accept" | "reject" | "tag";
  value: unknown;
  only_undecided: boolean;
  sample?: string; // the step of the sample that was listened to
  dry?: boolean;
}

export interface BatchPreview {
  count: number;
  seconds: number;
  examples: Row[]; // five
}

export interface BatchDone extends Decided {}

export interface Rule {
  find: string;
  replace: string;
  regex: boolean;
}

export interface Replace {
  queue: number;
  rules: Rule[];
}

export interface ReplacePreview {
  preview: number; // names it
  count: number;
  left_out: number; // texts that the rules would make empty, or such as no text may be: they stay as they are
  changes: { row: number; id: string; before: string; after: string }[]; // the first 2,000
}

export interface ReplaceChosen {
  preview: number;
  except: number[]; // rows that are not ticked
}

export interface Sample {
  sample: string;
  queue: Queue; // its rows, in the order they were drawn
  seed: number;
  of: number; // how many it was drawn from
}

export interface SampleClosed {
  k: number; // as far as the last that was decided, in the order of the draw
  wrong: number; // rejected, in conflict, with another text or other times than when they were drawn; or skipped
  skipped: number; // undecided ones before the last
  bound: number; // one-sided 95 % Clopper–Pearson, 0 to 1
  of: number;
  step: string;
}
