// The next pages of pictures, leased and loaded while this one is being answered.

import { post, postOnLeaving, secondsLeft } from "./server.js";
import { pageSize } from "./size.js";
import { text } from "./texts.js";

// With the page on screen as many as one annotator may hold.
const PAGES = 2;

/** A copy that belongs to the document in the window, so that its pictures load, decoded before they are needed. */
function preload(batch) {
  const copy = document.importNode(batch, true);
  for (const picture of copy.querySelectorAll(".item__picture img")) {
    picture.decoding = "sync";
    picture.decode().catch(() => {});
  }
  return copy;
}

export class Prefetch {
  #pages = [];
  #asking = null;
  #stopped = false;
  #known;
  #changed;

  /** `known()` lists the batches in other hands, here or in other tabs; `changed()` is called when ours have changed. */
  constructor(known, changed) {
    this.#known = known;
    this.#changed = changed;
  }

  /** The numbers of the pages at hand. */
  get batches() {
    return this.#pages.map((page) => page.dataset.batch);
  }

  /** Leases and loads pages until enough are at hand or the server has no more. */
  ask() {
    this.#asking ??= this.#fill().finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** The page at hand as an element, or null; hands each out once, and none whose lease has ended. */
  take() {
    let page = null;
    while (!page && this.#pages.length) {
      const first = this.#pages.shift();
      if (secondsLeft(first) > 0) page = first;
    }
    return page;
  }

  /** Lets go of a page without giving it back: another tab shows it, or it is over. */
  drop(batch) {
    this.#pages = this.#pages.filter((page) => page.dataset.batch !== batch);
  }

  /** Gives unseen pages back at once instead of letting their leases run out, while the window goes away. */
  leave() {
    const pages = this.#pages.splice(0);
    for (const page of pages) postOnLeaving(page.dataset.returnUrl);
    return pages.map((page) => page.dataset.batch);
  }

  /** The same in a window that stays: resolves when the server has them. */
  async giveBack() {
    this.#stopped = true;
    await this.#asking;
    const pages = this.#pages.splice(0);
    await Promise.all(pages.map((page) => post(page.dataset.returnUrl, {})));
    this.#stopped = false;
    return pages.map((page) => page.dataset.batch);
  }

  async #fill() {
    this.#pages = this.#pages.filter((page) => secondsLeft(page) > 0);
    while (!this.#stopped && this.#pages.length < PAGES && (await this.#askOne()));
  }

  async #askOne() {
    const held = [...this.#known(), ...this.batches];
    const { outcome, batch } = await post(text("leaseUrl"), { held: held.join(" "), size: pageSize() });
    if (outcome !== "done" || !batch.dataset.batch) return false;
    // Meanwhile the answer to a form may have brought the same page.
    if ([...this.#known(), ...this.batches].includes(batch.dataset.batch)) return false;
    this.#pages.push(preload(batch));
    this.#changed();
    return true;
  }
}
