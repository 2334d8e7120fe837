// Which command a key means. Letters are read as typed, digits as placed: both work on AZERTY and Dvorak.

const COMMANDS = {
  y: "YES",
  n: "NO",
  u: "UNSURE",
  s: "skip",
  z: "undo",
  backspace: "undo",
  d: "definition",
  a: "fill",
  " ": "zoom",
  enter: "send",
  "?": "keys",
  arrowleft: "left",
  arrowright: "right",
  arrowup: "up",
  arrowdown: "down",
};
const DIGITS = { Digit1: "YES", Digit0: "NO", Digit2: "UNSURE", Numpad1: "YES", Numpad0: "NO", Numpad2: "UNSURE" };
const MOVES = new Set(["left", "right", "up", "down"]);
const STORED_AS = "veriset.keys";

/** Whether single keys are wanted; a person who dictates or shakes may switch them off. */
export function keysAreOn() {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true;
  }
}

export function switchKeys(on) {
  try {
    localStorage.setItem(STORED_AS, on ? "on" : "off");
  } catch {
    // Then the choice lasts as long as the page.
  }
}

function belongsToControl(target, command) {
  if (target.matches("textarea, select, [contenteditable], input:not([type=radio])")) return true;
  if (target.matches("input[type=radio]")) return MOVES.has(command) || command === "zoom";
  return target.matches("a, button, summary") && (command === "zoom" || command === "send");
}

/** The command of a keydown event, or null when the key is not for us. */
export function commandOf(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return null;
  const command = DIGITS[event.code] ?? COMMANDS[event.key.toLowerCase()] ?? null;
  if (!command || belongsToControl(event.target, command)) return null;
  if (event.repeat && !MOVES.has(command)) return "ignore";
  return command === "fill" && event.shiftKey ? "unfill" : command;
}
