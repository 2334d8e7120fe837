// How long each picture took: from the latest of "first on screen", "focused" and "previous answer" to its own answer.

const LONGEST_MILLISECONDS = 60_000;

export class Clock {
  #startedAt = new Map();
  #answeredAt = 0;
  #observer;

  constructor(cards) {
    const seen = (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        this.start(entry.target);
        this.#observer.unobserve(entry.target);
      }
    };
    this.#observer = new IntersectionObserver(seen, { threshold: 0.5 });
    for (const card of cards) this.#observer.observe(card);
  }

  /** Whether the picture was on the screen, at least half of it. */
  hasStarted(card) {
    return this.#startedAt.has(card);
  }

  start(card) {
    this.#startedAt.set(card, performance.now());
  }

  /** Milliseconds spent on this card, idle time cut off; called once for each answer. */
  stop(card) {
    const now = performance.now();
    const since = Math.max(this.#startedAt.get(card) ?? now, this.#answeredAt);
    this.#answeredAt = now;
    return Math.min(Math.round(now - since), LONGEST_MILLISECONDS);
  }

  close() {
    this.#observer.disconnect();
  }
}
