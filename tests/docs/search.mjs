/**
 * Ask the search of a built site, as a reader would in the browser, and print its first results.
 *
 *     node tests/docs/search.mjs SITE QUERY...
 *
 * SITE is the folder of one language, such as docs/site/ja. For each QUERY one line of JSON is printed:
 * `{"query", "total", "results": [{"page", "section", "location"}, ...]}`, with the first three results, best first;
 * `section` is null where the result is the top of a page.
 *
 * Nothing of the search is imitated: the worker that the site ships is loaded as it is, gets the `search.json` that
 * the site ships, and is sent the messages that the site's own script sends. Needs Node 18 or newer and no packages.
 * It has to have been built with ICU, as all official releases are: words of Japanese are told apart by
 * `Intl.Segmenter`, as in browsers.
 */

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { argv, exit, stderr } from "node:process";
import { createContext, runInContext } from "node:vm";

/**
 * @typedef {{location: string, level: number, title: string, text: string, path: string[], tags: string[]}} Item
 * @typedef {{config: {lang: string[], separator: string}, items: Item[]}} Index
 * @typedef {{items: {id: number}[], pagination: {total: number}}} Found
 * @typedef {{type: number, data?: Found}} Message
 * @typedef {{page: string, section: string | null, location: string}} Result
 */

/** Kinds of messages between the site's script and its worker. */
const SETUP = 0;
const READY = 1;
const QUERY = 2;
const RESULT = 3;

/** What the site's script sends beside the words: no tag is chosen. */
const NO_FILTER = {
  input: { type: "operator", data: { operator: "and", operands: [] } },
  aggregation: { input: [{ type: "term", data: { field: "tags" } }] },
};

const FIRST = 3;

/** The search of one site. */
class Search {
  /** @type {Index} */ #index;
  /** @type {{onmessage?: (event: {data: object}) => void}} */ #worker;
  /** @type {(message: Message) => void} */ #answered = () => {};

  /** @param {string} site the folder that the site was built into */
  constructor(site) {
    this.#index = JSON.parse(readFileSync(join(site, "search.json"), "utf8"));
    const workers = join(site, "assets", "javascripts", "workers");
    const names = readdirSync(workers).filter((name) => /^search\..*\.js$/.test(name));
    if (names.length !== 1) throw new Error(`${workers}: one search worker is expected, not ${names.length}`);
    const self = { postMessage: (/** @type {Message} */ message) => this.#answered(message) };
    runInContext(readFileSync(join(workers, names[0]), "utf8"), createContext({ self }));
    this.#worker = self;
  }

  /** Have the worker build its index. */
  async open() {
    await this.#ask(SETUP, this.#index, READY);
  }

  /**
   * @param {string} query
   * @returns {Promise<{query: string, total: number, results: Result[]}>}
   */
  async find(query) {
    const found = /** @type {Found} */ (await this.#ask(QUERY, { input: query, filter: NO_FILTER }, RESULT));
    const results = found.items.slice(0, FIRST).map(({ id }) => this.#result(this.#index.items[id]));
    return { query, total: found.pagination.total, results };
  }

  /**
   * @param {Item} item
   * @returns {Result}
   */
  #result(item) {
    const [page, anchor] = item.location.split("#");
    const top = this.#index.items.find(({ location }) => location === page) ?? item;
    return {
      page: plain(top.title),
      section: anchor === undefined ? null : plain(item.title),
      location: decodeURI(item.location),
    };
  }

  /**
   * @param {number} type
   * @param {object} data
   * @param {number} expected the type of the answer
   * @returns {Promise<Found | undefined>}
   */
  #ask(type, data, expected) {
    return new Promise((resolve, reject) => {
      this.#answered = (message) =>
        message.type === expected ? resolve(message.data) : reject(new Error(`the worker answered ${message.type}`));
      // The worker gets copies, as it would in a browser.
      this.#worker.onmessage?.({ data: structuredClone({ type, data }) });
    });
  }
}

/**
 * @param {string} html
 * @returns {string} its text
 */
function plain(html) {
  const named = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
  return html.replace(/<[^>]*>/g, "").replace(/&(?:lt|gt|quot|#39|amp);/g, (name) => named[name]);
}

const [site, ...queries] = argv.slice(2);
if (site === undefined || queries.length === 0) {
  stderr.write("usage: node tests/docs/search.mjs SITE QUERY...\n");
  exit(2);
}
const search = new Search(site);
await search.open();
for (const query of queries) console.log(JSON.stringify(await search.find(query)));
