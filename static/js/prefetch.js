// The next page of pictures, leased and loaded while this one is being answered.

import { post, postOnLeaving, secondsLeft } from "./server.js";
import { text } from "./texts.js";

export class Prefetch {
  #batch = null;
  #asking = false;
  #onScreen;

  /** `onScreen` tells the id of the batch now shown: the answer to a form may bring the very page asked for here. */
  constructor(onScreen) {
    this.#onScreen = onScreen;
  }

  /** Leases and loads the page after the one on screen, unless one is at hand already. */
  async ask() {
    if (this.#asking || this.usable) return;
    this.#asking = true;
    const { outcome, batch } = await post(text("leaseUrl"), { prefetch: "1" });
    this.#asking = false;
    if (outcome !== "done" || !batch.dataset.batch) return;
    this.#batch = batch;
    if (!this.usable) return;
    for (const picture of batch.querySelectorAll(".item__picture img")) new Image().src = picture.src;
  }

  /** The page at hand as an element, or null; hands it out once, and never after its lease ended. */
  take() {
    const batch = this.usable ? this.#batch : null;
    this.#batch = null;
    return batch;
  }

  /** Gives an unseen page back at once instead of letting its lease run out. */
  giveBack() {
    const batch = this.take();
    if (batch) postOnLeaving(batch.dataset.returnUrl);
  }

  /** Lets go of a page without giving it back: another tab shows it, or it is over. */
  drop(batch) {
    if (this.#batch?.dataset.batch === batch) this.#batch = null;
  }

  get usable() {
    const batch = this.#batch;
    return batch !== null && batch.dataset.batch !== this.#onScreen() && secondsLeft(batch) > 0;
  }
}
