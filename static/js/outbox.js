// Pages of answers that the server has not confirmed. Each is in IndexedDB before it is sent, and stays there until the
// server has taken it, or until the annotator has read why it did not. So neither a closed tab nor a lost network loses a
// vote; and as the page's own number is the key under which it is sent, sending twice is harmless.

import { post } from "./server.js";

const FIRST_PAUSE_MILLISECONDS = 2_000;
const LONGEST_PAUSE_MILLISECONDS = 120_000;

/** Between half and all of it, so that browsers that lost the same server do not come back at the same moment. */
function scatter(milliseconds) {
  return milliseconds * (0.5 + Math.random() / 2);
}

export class Outbox {
  #store;
  #lock;
  #hooks;
  #entries = new Map();
  #loose = new Map();
  #settled = new Set();
  #flushing = null;
  #again = false;
  #pause = FIRST_PAUSE_MILLISECONDS;
  #timer = 0;

  /** `hooks.attempted(entry, answer)` is told of every attempt, `hooks.changed()` whenever what is kept here changes. */
  constructor(annotator, store, hooks) {
    this.#store = store;
    this.#lock = `veriset.outbox.${annotator}`;
    this.#hooks = hooks;
    window.addEventListener("online", () => this.retry());
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.some(({ batch }) => this.#loose.has(batch))) event.preventDefault();
    });
  }

  /** Pages that wait to be sent, oldest first. */
  get waiting() {
    return this.#sorted().filter((entry) => entry.refused === undefined);
  }

  /** Pages that the server refused for good; `refused` holds its reason. */
  get refused() {
    return this.#sorted().filter((entry) => entry.refused !== undefined);
  }

  has(batch) {
    return this.waiting.some((entry) => entry.batch === batch);
  }

  /** Whether the page lasts only as long as this tab. */
  isLoose(batch) {
    return this.#loose.has(batch);
  }

  /** Reads what is kept, by other tabs as well. */
  async refresh() {
    const rows = await this.#store.list("outbox").catch(() => []);
    const unsettled = rows.filter((row) => !this.#settled.has(row.batch));
    this.#entries = new Map([...unsettled, ...this.#loose.values()].map((row) => [row.batch, row]));
    this.#hooks.changed();
  }

  /**
   * Takes an entry {batch, url, body, answers}. Resolves to "kept"; to "loose" where this browser keeps nothing, so that
   * the entry lasts as long as the tab; to "known" where the same page is on its way already, which then stays as it was.
   */
  async put(entry) {
    const row = { ...entry, at: Date.now() };
    let kept = "kept";
    try {
      if (!(await this.#store.add("outbox", row))) kept = "known";
    } catch {
      this.#loose.set(row.batch, row);
      kept = "loose";
    }
    if (kept !== "known") this.#entries.set(row.batch, row);
    this.#hooks.changed();
    return kept;
  }

  /** The annotator has read why this page was refused. */
  acknowledge(batch) {
    return this.#forget(batch);
  }

  /** Sends at once, whatever pause was planned. */
  retry() {
    this.#pause = FIRST_PAUSE_MILLISECONDS;
    return this.flush();
  }

  /** Sends what waits, oldest first, in one tab at a time; after a failure again by itself, each time after a longer pause. */
  flush() {
    clearTimeout(this.#timer);
    this.#again = this.#flushing !== null;
    this.#flushing ??= this.#take(() => this.#send()).finally(() => {
      this.#flushing = null;
      if (this.#again) this.flush();
    });
    return this.#flushing;
  }

  #take(work) {
    if (!navigator.locks) return work();
    let begun = false;
    // Inside another site's frame a browser may refuse locks as it does storage: then there is nothing to share either.
    return navigator.locks
      .request(this.#lock, () => {
        begun = true;
        return work();
      })
      .catch((error) => {
        if (begun) throw error;
        return work();
      });
  }

  async #send() {
    let outcome = "done";
    let pause = 0;
    await this.refresh();
    for (let [entry] = this.waiting; entry; [entry] = this.waiting) {
      const answer = await post(entry.url, entry.body);
      ({ outcome, pause } = answer);
      if (outcome === "done") await this.#forget(entry.batch);
      if (outcome === "refused") await this.#refuse(entry, answer.reason);
      this.#hooks.attempted(entry, answer);
      if (outcome === "login" || outcome === "unreachable") break;
      await this.refresh();
    }
    this.#plan(outcome, pause);
  }

  #plan(outcome, pause) {
    if (outcome !== "unreachable") {
      this.#pause = FIRST_PAUSE_MILLISECONDS;
      return;
    }
    const wait = Math.min(pause, LONGEST_PAUSE_MILLISECONDS) || scatter(this.#pause);
    this.#timer = setTimeout(() => this.flush(), wait);
    if (!pause) this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MILLISECONDS);
  }

  async #forget(batch) {
    this.#settled.add(batch);
    this.#loose.delete(batch);
    this.#entries.delete(batch);
    // Where it cannot be deleted it is sent once more after the next start, which does no harm.
    await this.#store.delete("outbox", batch).catch(() => {});
    this.#hooks.changed();
  }

  async #refuse(entry, reason) {
    const row = { ...entry, refused: reason };
    this.#entries.set(row.batch, row);
    if (this.#loose.has(row.batch)) this.#loose.set(row.batch, row);
    else await this.#store.put("outbox", row).catch(() => this.#loose.set(row.batch, row));
    this.#hooks.changed();
  }

  #sorted() {
    return [...this.#entries.values()].sort((one, other) => one.at - other.at);
  }
}
