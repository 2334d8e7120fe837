// Flags on pictures and on the definition: sent at once, beside the answers. Without this each button sends the page's form.

import { commandOf } from "./keys.js";
import { announce, askForLogin, showNotice } from "./notices.js";
import { headers } from "./server.js";

const texts = document.getElementById("flag-texts").dataset;

function say(text, title) {
  return text.replace("#", title);
}

/** Shows the flag as raised or not; what the button sends next is the opposite. */
function press(button, raised) {
  const [, position, kind] = button.value.split(":");
  for (const each of document.querySelectorAll(`.flag[value$=":${position}:${kind}"]`)) {
    each.ariaPressed = String(raised);
    each.value = `${raised ? "withdraw" : "raise"}:${position}:${kind}`;
  }
}

async function send(button) {
  const raised = button.value.startsWith("raise:");
  const body = new URLSearchParams({ flag: button.value });
  press(button, raised);
  announce(say(raised ? texts.raised : texts.withdrawn, button.textContent.trim()));
  try {
    const response = await fetch(button.formAction, { method: "POST", body, headers: headers() });
    if (response.status === 204) return;
    press(button, !raised);
    if (response.redirected) askForLogin();
    else showNotice(response.status === 409 ? await response.text() : texts.failed, "error");
  } catch {
    press(button, !raised);
    showNotice(texts.failed, "error");
  }
}

/** The flags of the picture that the keys are at. */
function currentFlags() {
  return document.querySelector('.item[tabindex="0"] .flags');
}

function close(flags) {
  flags.open = false;
  flags.closest(".item").focus({ preventScroll: true });
}

// Before the page's own script, which would take it for the answers.
document.addEventListener(
  "submit",
  (event) => {
    if (event.submitter?.name !== "flag") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    send(event.submitter);
  },
  true,
);

document.addEventListener(
  "keydown",
  (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.target.closest(".flags");
    if (inside && event.key === "Escape") {
      close(inside);
      return;
    }
    if (commandOf(event) !== "flag" || document.querySelector("dialog[open]")) return;
    const flags = currentFlags();
    if (!flags) return;
    event.preventDefault();
    if (flags.open) close(flags);
    else {
      flags.open = true;
      flags.querySelector(".flag").focus();
    }
  },
  true,
);

// One stop of the Tab key for the flags of the picture at hand, none for those of the others.
document.addEventListener("focusin", (event) => {
  const item = event.target.closest(".item");
  if (!item) return;
  for (const summary of document.querySelectorAll(".flags__open")) summary.tabIndex = item.contains(summary) ? 0 : -1;
});
