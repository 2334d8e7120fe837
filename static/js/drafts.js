// Answers to a page that is not sent yet: they come back with the page after a reload, a crash or a closed tab.

const LONGEST_MILLISECONDS = 86_400_000;

export class Drafts {
  #store;

  constructor(store) {
    this.#store = store;
  }

  /** Keeps `answers` [[position, answer, milliseconds]] of a page. What cannot be kept is lost with the tab, no more. */
  keep(batch, answers) {
    this.#store.put("drafts", { batch, answers, at: Date.now() }).catch(() => {});
  }

  /** What was kept for a page, else nothing; old drafts go. */
  async find(batch) {
    const rows = await this.#store.list("drafts").catch(() => []);
    for (const row of rows) {
      if (Date.now() - row.at > LONGEST_MILLISECONDS) this.forget(row.batch);
    }
    return rows.find((row) => row.batch === batch)?.answers ?? [];
  }

  forget(batch) {
    this.#store.delete("drafts", batch).catch(() => {});
  }
}
