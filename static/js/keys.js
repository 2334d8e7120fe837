// Which command a key means. Letters are read as typed, digits as placed, and on keyboards of other scripts letters as placed, too: so
// AZERTY, Dvorak and Cyrillic all work. A person may choose other letters, or none at all; that stays in this browser.

/** What a person may give another key, with the letter it has at first. */
export const LETTERS = { YES: "y", NO: "n", UNSURE: "u", skip: "s", undo: "z", flag: "f", definition: "d", fill: "a" };
const FIXED = { enter: "send", " ": "zoom", "?": "keys", backspace: "undo" };
const ARROWS = { arrowleft: "left", arrowright: "right", arrowup: "up", arrowdown: "down" };
const DIGITS = { Digit1: "YES", Digit0: "NO", Digit2: "UNSURE", Numpad1: "YES", Numpad0: "NO", Numpad2: "UNSURE" };
const MOVES = new Set(Object.values(ARROWS));
const SWITCH = "veriset.keys";
const CHOSEN = "veriset.letters";
const ASCII = /^[!-~]$/;
const LETTER = /^[^\s\d]$/u;

function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Then the choice lasts as long as the page.
  }
}

function readLetters() {
  try {
    const chosen = Object.entries(JSON.parse(read(CHOSEN)) ?? {});
    return { ...LETTERS, ...Object.fromEntries(chosen.filter(([name, letter]) => name in LETTERS && LETTER.test(letter))) };
  } catch {
    return { ...LETTERS };
  }
}

let on = read(SWITCH) !== "off";
let letters = readLetters();

/** Whether single keys are wanted; a person who dictates or shakes may switch them off. */
export function keysAreOn() {
  return on;
}

export function switchKeys(wanted) {
  on = wanted;
  write(SWITCH, on ? "on" : "off");
}

/** The letter of a command as it is shown. */
export function letterOf(command) {
  return letters[command].toUpperCase();
}

/** Gives a command another letter; the command that had it gets the old one. False for what cannot be one. */
export function chooseLetter(command, key) {
  const letter = key.toLowerCase();
  if (!LETTER.test(letter) || letter in FIXED) return false;
  const other = Object.keys(letters).find((name) => letters[name] === letter);
  if (other) letters[other] = letters[command];
  letters[command] = letter;
  write(CHOSEN, JSON.stringify(letters));
  return true;
}

export function resetLetters() {
  letters = { ...LETTERS };
  write(CHOSEN, JSON.stringify(letters));
}

function commandOfLetter(letter) {
  return Object.keys(letters).find((name) => letters[name] === letter) ?? null;
}

function findCommand(event) {
  const typed = event.key.toLowerCase();
  const arrow = ARROWS[typed];
  // A single key that cannot be switched off would be in the way of whoever dictates.
  if (arrow || !on) return arrow ?? null;
  const placed = !ASCII.test(event.key) && event.code.startsWith("Key") ? event.code[3].toLowerCase() : "";
  return commandOfLetter(typed) ?? DIGITS[event.code] ?? FIXED[typed] ?? commandOfLetter(placed);
}

function belongsToControl(target, command) {
  if (target.matches("textarea, select, [contenteditable], input:not([type=radio])")) return true;
  if (target.matches("input[type=radio]")) return MOVES.has(command) || command === "zoom";
  return target.matches("a, button, summary") && (command === "zoom" || command === "send");
}

/** The command of a keydown event, or null when the key is not for us. */
export function commandOf(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return null;
  const command = findCommand(event);
  if (!command || belongsToControl(event.target, command)) return null;
  if (event.repeat && !MOVES.has(command)) return "ignore";
  return command === "fill" && event.shiftKey ? "unfill" : command;
}
