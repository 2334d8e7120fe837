// What the page tells: aloud for screen readers, as a notice, and as the badge of unsent pages.

import { count, text } from "./texts.js";

const announcer = document.getElementById("announcer");
const notices = document.getElementById("notices");
const refusals = document.getElementById("refused");
const badge = document.getElementById("unsent");

export function announce(sentence) {
  announcer.textContent = sentence;
}

export function clearNotices() {
  notices.replaceChildren();
}

function makeNotice(level, ...sentences) {
  const notice = document.createElement("div");
  notice.className = `notice notice--${level}`;
  notice.append(Object.assign(document.createElement("p"), { textContent: sentences.join(" ") }));
  return notice;
}

/** Shows one notice instead of any before it; `link` is {url, label} or nothing. */
export function showNotice(sentence, level = "warning", link = null) {
  const notice = makeNotice(level, sentence);
  if (link) notice.append(Object.assign(document.createElement("a"), { href: link.url, textContent: link.label }));
  notices.replaceChildren(notice);
}

export function askForLogin() {
  const back = `${text("loginUrl")}?next=${encodeURIComponent(location.pathname)}`;
  showNotice(text("login"), "warning", { url: back, label: text("loginLink") });
}

export function showUnsent(pages) {
  badge.hidden = pages === 0;
  badge.textContent = pages ? count("unsent", pages) : "";
}

/** Pages that the server did not take, each until its annotator says so: `acknowledge(batch)`. */
export function showRefused(entries, acknowledge) {
  const shown = new Set([...refusals.children].map((notice) => notice.dataset.batch));
  for (const notice of refusals.querySelectorAll("[data-batch]")) {
    if (!entries.some((entry) => entry.batch === notice.dataset.batch)) notice.remove();
  }
  for (const entry of entries.filter(({ batch }) => !shown.has(batch))) {
    const notice = makeNotice("error", count("refused", entry.answers), entry.refused || text("refused"));
    notice.dataset.batch = entry.batch;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text("acknowledge") });
    button.className = "button button--small";
    button.addEventListener("click", () => acknowledge(entry.batch));
    notice.append(button);
    refusals.append(notice);
  }
}
