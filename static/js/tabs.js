// Tabs of one annotator in one browser tell each other which pages they hold.

export class Tabs {
  #id = Math.random().toString(36).slice(2);
  #channel = null;
  #others = new Map();
  #mine;
  #hooks;

  /**
   * `mine()` tells {shown, batches}: the page on this screen and all that this tab holds. `hooks.shown(batch)` hears of a
   * page on another screen, `hooks.gone(batch)` of one that was sent or given back, `hooks.outbox()` that what is unsent
   * has changed.
   */
  constructor(annotator, mine, hooks) {
    this.#mine = mine;
    this.#hooks = hooks;
    if (!window.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(`veriset.pages.${annotator}`);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /** The pages that other tabs hold. */
  get held() {
    return [...this.#others.values()].flat();
  }

  /** Asks the others what they hold. */
  greet() {
    this.#tell({ kind: "hello" });
  }

  tellHeld() {
    this.#tell({ kind: "held", ...this.#mine() });
  }

  tellGone(batch) {
    this.#tell({ kind: "gone", batch });
  }

  tellOutbox() {
    this.#tell({ kind: "outbox" });
  }

  /** This tab is closing. */
  leave() {
    this.#tell({ kind: "held", shown: null, batches: [] });
  }

  #tell(message) {
    this.#channel?.postMessage({ ...message, tab: this.#id });
  }

  #hear({ kind, tab, shown, batch, batches }) {
    if (kind === "hello") this.tellHeld();
    else if (kind === "gone") this.#hooks.gone(batch);
    else if (kind === "outbox") this.#hooks.outbox();
    else {
      this.#others.set(tab, batches);
      if (shown) this.#hooks.shown(shown);
    }
  }
}
