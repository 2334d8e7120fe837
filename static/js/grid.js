// The pictures of one page: which one has the focus, what is answered, and what can be undone.

import { Clock } from "./clock.js";
import { keysAreOn, letterOf } from "./keys.js";
import { layoutOf } from "./layout.js";
import { pageSize } from "./size.js";
import { watchSwipes } from "./swipe.js";

// So many pictures beyond the one on screen are loaded large where they come one after the other.
const AHEAD = 2;

export class Grid {
  #form;
  #cards;
  #clock;
  #index = 0;
  #letters = ["YES", "NO", "UNSURE"].map((answer) => {
    const letter = document.createElement("kbd");
    letter.dataset.key = answer;
    letter.ariaHidden = "true";
    letter.textContent = letterOf(answer);
    return letter;
  });
  #undo = [];
  #filled = [];
  #changed;
  #chosen;
  #pressed = false;
  #closing = new AbortController();

  /**
   * `hooks.changed(batch, answers)` gets [[position, answer, milliseconds]] of the whole page after each change,
   * `hooks.swiped(answer)` the answer of a swipe, `hooks.chosen(answer)` one that was pressed where pictures come one after the other.
   */
  constructor(form, hooks) {
    this.#form = form;
    this.#changed = hooks.changed;
    this.#chosen = hooks.chosen;
    this.#cards = [...form.querySelectorAll(".item")];
    this.#clock = new Clock(this.#cards);
    for (const [index, card] of this.#cards.entries()) this.#prepare(card, index);
    for (const card of this.#cards) {
      const picture = card.querySelector(".item__picture");
      watchSwipes(picture, (value) => this.isCards && hooks.swiped(value), this.#closing);
    }
    this.useLayout();
    this.useKeys();
    this.#mark(0);
    this.#showTally();
  }

  get current() {
    return this.#cards[this.#index];
  }

  get batch() {
    return this.#form.closest("[data-batch]").dataset.batch;
  }

  get answered() {
    return this.#form.querySelectorAll("input[type=radio]:checked").length;
  }

  /** Whether pictures come one after the other. */
  get isCards() {
    return this.#form.classList.contains("answers--cards");
  }

  /** Whether the picture at hand is the last one. */
  get isAtEnd() {
    return this.#index === this.#cards.length - 1;
  }

  answerOf(card) {
    return card.querySelector(":checked")?.value ?? null;
  }

  /** What goes into the outbox. The token of this session is left out: a retry may belong to another. */
  entry() {
    const body = new URLSearchParams(new FormData(this.#form));
    body.delete("csrfmiddlewaretoken");
    body.set("size", pageSize());
    return {
      batch: this.batch,
      url: new URL(this.#form.action).pathname,
      body: body.toString(),
      answers: this.answered,
    };
  }

  /** Moves the focus by `command` ("left", "right", "up", "down", "previous", "next"); stays inside the page. */
  move(command) {
    const mirrored = document.documentElement.dir === "rtl" ? -1 : 1;
    const top = this.#cards[0].offsetTop;
    const columns = this.isCards ? 1 : this.#cards.filter((card) => card.offsetTop === top).length;
    const step = { left: -mirrored, right: mirrored, up: -columns, down: columns, previous: -1, next: 1 }[command];
    if (this.#index + step in this.#cards) this.#select(this.#index + step);
  }

  focus({ quietly = false } = {}) {
    this.current.focus({ preventScroll: quietly });
  }

  /** Answers the focused picture (null clears it) and moves to the next one. */
  answer(value) {
    this.#record([[this.current, value]]);
    this.move("next");
  }

  undo() {
    const step = this.#undo.pop();
    if (!step) return;
    for (const [card, value, milliseconds] of step) this.#write(card, value, milliseconds);
    this.#tell();
    this.#select(this.#cards.indexOf(step[0][0]));
  }

  /** What is unanswered gets a No, but for pictures that were never on the screen. */
  fillWithNo() {
    const open = this.#cards.filter(
      (card) => !this.answerOf(card) && this.#clock.hasStarted(card) && !card.classList.contains("item--broken"),
    );
    this.#filled.push(...open);
    if (open.length) this.#record(open.map((card) => [card, "NO"]));
  }

  clearFilled() {
    const stillNo = this.#filled.filter((card) => this.answerOf(card) === "NO");
    this.#filled = [];
    if (stillNo.length) this.#record(stillNo.map((card) => [card, null]));
  }

  /** Puts answers back that were given before. */
  restore(answers) {
    for (const [position, value, milliseconds] of answers) {
      const card = this.#cards.find((one) => one.dataset.position === position);
      if (card) this.#write(card, value, milliseconds);
    }
    const open = this.#cards.findIndex((card) => !this.answerOf(card));
    this.#select(Math.max(open, 0));
  }

  /** All pictures at once or one after the other, as the campaign or the person wants it now. */
  useLayout() {
    const cards = layoutOf(this.#form.closest("[data-layout]").dataset.layout) === "CARDS";
    this.#form.classList.toggle("answers--cards", cards);
    if (cards) this.#enlarge();
  }

  /**
   * One stop of the Tab key for each page while single keys answer, not three for each picture; a screen reader still finds
   * the radios. Without single keys each of them is a stop.
   */
  useKeys() {
    for (const control of this.#form.querySelectorAll(".item a, .item input")) {
      if (keysAreOn()) control.tabIndex = -1;
      else control.removeAttribute("tabindex");
    }
  }

  close() {
    this.#clock.close();
    this.#closing.abort();
    for (const letter of this.#letters) letter.remove();
  }

  #prepare(card, index) {
    const options = { signal: this.#closing.signal };
    card.tabIndex = -1;
    card.addEventListener("focusin", () => this.#mark(index), options);
    card.addEventListener("pointerdown", (event) => this.#press(card, event), options);
    card.addEventListener("keydown", () => (this.#pressed = false), options);
    card.addEventListener("change", () => this.#choose(card), options);
    const picture = card.querySelector("img");
    picture.addEventListener("error", () => this.#break(card), options);
    if (picture.complete && !picture.naturalWidth) this.#break(card);
  }

  /** A second press on a chosen answer takes it back: radios alone cannot be cleared. */
  #press(card, event) {
    this.#pressed = true;
    card.dataset.before = this.answerOf(card) ?? "";
    const radio = event.target.closest(".answer")?.querySelector("input");
    if (!radio?.checked) return;
    radio.addEventListener("click", () => this.#record([[card, null]]), { once: true });
  }

  #choose(card) {
    const value = this.answerOf(card);
    this.#undo.push([[card, card.dataset.before || null, this.#milliseconds(card).value]]);
    this.#write(card, value, this.#clock.stop(card));
    this.#tell();
    if (this.isCards && this.#pressed) this.#chosen(value);
    else if (document.activeElement.matches("input:not(:focus-visible)")) card.focus({ preventScroll: true });
  }

  #record(answers) {
    this.#undo.push(answers.map(([card]) => [card, this.answerOf(card), this.#milliseconds(card).value]));
    for (const [card, value] of answers) this.#write(card, value, value ? this.#clock.stop(card) : "");
    this.#tell();
  }

  #tell() {
    const answered = this.#cards.filter((card) => this.answerOf(card));
    this.#changed(
      this.batch,
      answered.map((card) => [card.dataset.position, this.answerOf(card), this.#milliseconds(card).value]),
    );
  }

  #write(card, value, milliseconds) {
    for (const radio of card.querySelectorAll("[type=radio]")) radio.checked = radio.value === value;
    this.#milliseconds(card).value = milliseconds;
    card.dataset.before = value ?? "";
    this.#showTally();
  }

  #milliseconds(card) {
    return card.querySelector("[name^=milliseconds-]");
  }

  #select(index) {
    this.#mark(index);
    this.#clock.start(this.current);
    this.focus();
  }

  #mark(index) {
    this.current.tabIndex = -1;
    this.current.classList.remove("item--current");
    this.#index = index;
    this.current.tabIndex = 0;
    this.current.classList.add("item--current");
    if (this.isCards) this.#enlarge();
    this.#showLetters();
  }

  /** One picture at a time has room for its large rendition. */
  #enlarge() {
    for (const card of this.#cards.slice(this.#index, this.#index + 1 + AHEAD)) {
      const picture = card.querySelector("img");
      const large = card.querySelector(".item__picture").href;
      if (picture.src !== large) picture.src = large;
    }
  }

  /** The keys on the buttons of the picture that they would answer. */
  #showLetters() {
    if (this.#letters[0].closest(".item") === this.current) return;
    const labels = this.current.querySelectorAll(".answer");
    for (const [place, letter] of this.#letters.entries()) labels[place].append(letter);
  }

  #break(card) {
    card.classList.add("item--broken");
    card.querySelector(".item__picture").hidden = true;
    card.querySelector(".item__broken").hidden = false;
  }

  #showTally() {
    this.#form.querySelector("#tally").textContent = this.answered;
  }
}
