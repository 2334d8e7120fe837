// The sheet of keys: lists them, lets a person choose other letters, and switches single keys off.

import { chooseLetter, keysAreOn, LETTERS, letterOf, resetLetters, switchKeys } from "./keys.js";
import { text } from "./texts.js";

const sheet = document.getElementById("keys");
const status = document.getElementById("keys-status");
const onOff = document.getElementById("keys-on");
let chosen = null;

/** Writes the letters wherever a command's key is shown, and tells the style sheet whether keys are on. */
export function showKeys() {
  document.documentElement.dataset.keys = keysAreOn() ? "on" : "off";
  for (const key of document.querySelectorAll("kbd[data-key]")) key.textContent = letterOf(key.dataset.key);
}

function startChoosing(button) {
  stopChoosing();
  chosen = button;
  button.setAttribute("aria-pressed", "true");
  status.textContent = text("pressKey");
}

function stopChoosing() {
  chosen?.setAttribute("aria-pressed", "false");
  chosen = null;
}

function take(event) {
  if (!chosen || event.ctrlKey || event.metaKey || event.altKey || event.key.length > 1) return;
  event.preventDefault();
  const command = chosen.dataset.choose;
  const taken = chooseLetter(command, event.key);
  status.textContent = taken ? text("keyChosen") : text("keyRefused");
  if (!taken) return;
  stopChoosing();
  showKeys();
}

/** Serves the sheet; `changed()` is called when single keys are switched on or off. */
export function serveSheet(changed) {
  onOff.checked = keysAreOn();
  onOff.addEventListener("change", () => {
    switchKeys(onOff.checked);
    showKeys();
    changed();
  });
  sheet.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose]");
    if (button && button.dataset.choose in LETTERS) startChoosing(button);
    else if (event.target.closest("[data-reset]")) {
      resetLetters();
      showKeys();
      status.textContent = text("keysReset");
    }
  });
  sheet.addEventListener("keydown", take);
  sheet.addEventListener("close", () => {
    stopChoosing();
    status.textContent = "";
  });
  showKeys();
}
