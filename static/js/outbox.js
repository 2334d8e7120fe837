// Pages of answers that the server has not confirmed. Each is written to localStorage before it is sent and removed
// once the server took or refused it, so neither a closed tab nor a lost network loses a vote; its key makes sending
// twice harmless.

import { post } from "./server.js";

const FIRST_PAUSE_MILLISECONDS = 2_000;
const LONGEST_PAUSE_MILLISECONDS = 120_000;

export class Outbox {
  #prefix;
  #onOutcome;
  #memory = new Map();
  #sending = false;
  #pause = FIRST_PAUSE_MILLISECONDS;
  #timer = 0;

  /** `onOutcome(entry, answer)` is told of every attempt. Entries are one annotator's: others may share the browser. */
  constructor(annotator, onOutcome) {
    this.#prefix = `veriset.outbox.${annotator}.`;
    this.#onOutcome = onOutcome;
    window.addEventListener("online", () => this.flush());
  }

  /** Keeps an entry {key, batch, url, body, answers}; false when this browser stores nothing (then memory must do). */
  put(entry) {
    const kept = { ...entry, at: Date.now() };
    try {
      localStorage.setItem(this.#prefix + entry.key, JSON.stringify(kept));
      return true;
    } catch {
      this.#memory.set(entry.key, kept);
      return false;
    }
  }

  entries() {
    const entries = [...this.#memory.values()];
    for (const name of this.#storedNames()) {
      try {
        entries.push(JSON.parse(localStorage.getItem(name)));
      } catch {
        localStorage.removeItem(name);
      }
    }
    return entries.filter(Boolean).sort((one, other) => one.at - other.at);
  }

  /** Sends what waits, oldest first; after a failure again by itself, when the server said, else each time after a longer pause. */
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    let outcome = "done";
    let pause = 0;
    for (let [entry] = this.entries(); entry; [entry] = this.entries()) {
      const answer = await post(entry.url, entry.body);
      ({ outcome, pause } = answer);
      if (outcome === "done" || outcome === "refused") this.#remove(entry.key);
      this.#onOutcome(entry, answer);
      if (outcome === "login" || outcome === "unreachable") break;
    }
    this.#sending = false;
    this.#plan(outcome, pause);
  }

  #plan(outcome, pause) {
    if (outcome !== "unreachable") {
      this.#pause = FIRST_PAUSE_MILLISECONDS;
      return;
    }
    this.#timer = setTimeout(() => this.flush(), Math.min(pause, LONGEST_PAUSE_MILLISECONDS) || this.#pause);
    if (pause) return;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MILLISECONDS);
  }

  #remove(key) {
    this.#memory.delete(key);
    try {
      localStorage.removeItem(this.#prefix + key);
    } catch {
      // Nothing could be stored either, then.
    }
  }

  #storedNames() {
    try {
      return Object.keys(localStorage).filter((name) => name.startsWith(this.#prefix));
    } catch {
      return [];
    }
  }
}
