// The focused picture, large, in a dialog that follows the grid.

export class Zoom {
  #dialog = document.getElementById("zoom");
  #picture = document.getElementById("zoom-picture");
  #title = document.getElementById("zoom-title");
  #card = null;

  constructor() {
    // After Escape the browser gives the focus back to where it was before; by now the grid may be further on.
    this.#dialog.addEventListener("close", () => this.#dialog.returnValue || this.#card?.focus());
  }

  get open() {
    return this.#dialog.open;
  }

  show(grid) {
    this.follow(grid);
    if (this.open) return;
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    // The first button would take the focus, and Enter and Space with it.
    this.#dialog.tabIndex = -1;
    this.#dialog.focus();
  }

  /** Shows what the grid has in focus now. */
  follow(grid) {
    const card = grid.current;
    this.#card = card;
    this.#picture.src = card.querySelector(".item__picture").href;
    this.#title.textContent = card.querySelector("legend").textContent.trim();
    this.#picture.alt = this.#title.textContent;
    const answer = grid.answerOf(card);
    for (const button of this.#dialog.querySelectorAll(".answer")) {
      button.setAttribute("aria-pressed", String(button.dataset.command === answer));
    }
  }

  /** The focus is at the picture at once, not when the event comes: whoever closes this may want it elsewhere. */
  close() {
    if (!this.open) return;
    this.#dialog.close("closed");
    this.#card.focus();
  }
}
