// What this browser keeps for an annotator, in IndexedDB: pages on their way to the server, and answers to unfinished ones.
// Every call rejects where the browser keeps nothing (private windows, no room left, storage switched off).

const DATABASE = "veriset";
const VERSION = 1;
const STORES = ["outbox", "drafts"];
const PATIENCE_MILLISECONDS = 3_000;

/** Some browsers never answer when their storage is broken; nobody should wait for that. */
function soon(promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("the browser's storage does not answer")), PATIENCE_MILLISECONDS);
  });
  return Promise.race([promise, late]);
}

function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class Store {
  #annotator;
  #opened = null;

  /** Rows are one annotator's: others may share the browser. */
  constructor(annotator) {
    this.#annotator = annotator;
  }

  /** Runs `change(stores)` in one transaction over all stores and resolves to what it resolved to once that is kept. */
  async write(change) {
    const database = await this.#open();
    const transaction = database.transaction(STORES, "readwrite", { durability: "relaxed" });
    const kept = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const stores = Object.fromEntries(STORES.map((name) => [name, transaction.objectStore(name)]));
    const [result] = await soon(Promise.all([change(stores), kept]));
    return result;
  }

  put(name, row) {
    return this.write((stores) => resultOf(stores[name].put({ ...row, annotator: this.#annotator })));
  }

  /** Like `put`, but leaves a row that is there already, and resolves to whether there was none. */
  add(name, row) {
    return this.write(async (stores) => {
      const known = await resultOf(stores[name].get(row.batch));
      if (!known) stores[name].add({ ...row, annotator: this.#annotator });
      return !known;
    });
  }

  delete(name, batch) {
    return this.write((stores) => resultOf(stores[name].delete(batch)));
  }

  async list(name) {
    const database = await this.#open();
    const store = database.transaction(name).objectStore(name);
    return soon(resultOf(store.index("annotator").getAll(this.#annotator)));
  }

  #open() {
    this.#opened ??= soon(this.#connect()).catch((error) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }

  async #connect() {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      for (const name of STORES) {
        request.result.createObjectStore(name, { keyPath: "batch" }).createIndex("annotator", "annotator");
      }
    };
    const database = await resultOf(request);
    const forget = () => (this.#opened = null);
    database.onclose = forget;
    database.onversionchange = () => (database.close(), forget());
    return database;
  }
}
