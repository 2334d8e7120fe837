// What the page tells: aloud for screen readers, as a notice, and as the badge of unsent pages.

import { count, text } from "./texts.js";

const announcer = document.getElementById("announcer");
const notices = document.getElementById("notices");
const badge = document.getElementById("unsent");

export function announce(sentence) {
  announcer.textContent = sentence;
}

export function clearNotices() {
  notices.replaceChildren();
}

/** Shows one notice instead of any before it; `link` is {url, label} or nothing. */
export function showNotice(sentence, level = "warning", link = null) {
  const notice = document.createElement("div");
  notice.className = `notice notice--${level}`;
  notice.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  if (link) notice.append(Object.assign(document.createElement("a"), { href: link.url, textContent: link.label }));
  notices.replaceChildren(notice);
  notice.scrollIntoView({ block: "nearest" });
}

export function askForLogin() {
  const back = `${text("loginUrl")}?next=${encodeURIComponent(location.pathname)}`;
  showNotice(text("login"), "warning", { url: back, label: text("loginLink") });
}

export function showUnsent(pages) {
  badge.hidden = pages === 0;
  badge.textContent = pages ? count("unsent", pages) : "";
}
