// Turns keys and clicks into commands.

import { commandOf } from "./keys.js";

/** Keys act on the grid, in the zoom and when nothing has the focus; a sheet or the navigation keeps its own. */
function isOurs(target) {
  return target === document.body || Boolean(target.closest("main"));
}

function followsLink(event) {
  return event.ctrlKey || event.metaKey || event.shiftKey;
}

/** Calls `run(command)`; `ready(command)` tells whether there is something to command. */
export function listen({ run, ready }) {
  document.addEventListener("keydown", (event) => {
    if (!isOurs(event.target) || document.querySelector("dialog.sheet[open]")) return;
    const command = commandOf(event);
    if (!command || !ready(command)) return;
    event.preventDefault();
    run(command);
  });
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-command]");
    if (control) run(control.dataset.command);
    else if (event.target.closest(".item__picture") && !followsLink(event) && ready("zoom")) {
      event.preventDefault();
      run("zoomIn");
    }
  });
}
