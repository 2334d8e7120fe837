// Tabs of one annotator in one browser tell each other what they do with pages.

export class Tabs {
  #channel = null;

  /** `listener(kind, batch)` hears what other tabs told. */
  constructor(annotator, listener) {
    if (!window.BroadcastChannel) return;
    this.#channel = new BroadcastChannel(`veriset.pages.${annotator}`);
    this.#channel.onmessage = ({ data }) => listener(data.kind, data.batch);
  }

  /** `kind`: "shown" on a screen, "outbox" when what is unsent changed, "gone" when sent or given back. */
  tell(kind, batch = null) {
    this.#channel?.postMessage({ kind, batch });
  }
}
