// Asks the server for fragments and says in one word what became of it.

import { text } from "./texts.js";

const TIMEOUT_MILLISECONDS = 10_000;
const REFUSALS = new Set([400, 403, 404, 409, 410, 422]);
const deadlines = new WeakMap();

/** The cookie's, which a sign-in in another tab renews; the form's own where scripts may not read the cookie. */
function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie?.split("=")[1] ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

function outcomeOf(response, page) {
  // 401: somebody else has signed in to this browser meanwhile.
  if (response.redirected || response.status === 401 || page.querySelector("[data-csrf]")) return "login";
  if (response.status === 204) return "nothing";
  if (response.ok) return page.getElementById("batch") ? "done" : "login";
  // Only a refusal that names its reason is the application's; anything else may pass, so it is worth another try.
  const named = page.querySelector("[data-refusal]") !== null;
  return named && REFUSALS.has(response.status) ? "refused" : "unreachable";
}

/** When to come again, if the server had too much to do: not all at the same moment. 0 where it does not say. */
function pauseOf(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds > 0 ? seconds * 1000 * (1 + Math.random() / 2) : 0;
}

/** What tells the server that a script asks, and for which account. */
export function headers() {
  return { "X-Requested-With": "fetch", "X-CSRFToken": csrfToken(), "X-Account": text("account") };
}

async function ask(url, options) {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
    const response = await fetch(url, { ...options, headers: headers(), signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const refusal = page.querySelector("[data-refusal]");
    for (const element of page.querySelectorAll("[data-seconds-left]")) secondsLeft(element);
    return {
      outcome: outcomeOf(response, page),
      batch: page.getElementById("batch"),
      reason: refusal?.textContent.trim().replace(/\s+/g, " ") ?? "",
      pause: pauseOf(response),
    };
  } catch {
    return { outcome: "unreachable", batch: null, reason: "", pause: 0 };
  }
}

/**
 * Posts `body` (URLSearchParams or its string) and resolves, never rejects, to {outcome, batch, reason, pause}:
 * outcome "done", "nothing", "refused" (reason says why), "login" or "unreachable"; batch is the answer's #batch element
 * or null; pause is in milliseconds, 0 where the server names none.
 */
export function post(url, body) {
  return ask(url, { method: "POST", body: new URLSearchParams(body), keepalive: true });
}

/** Gets the fragment of a page; resolves as `post` does. */
export function load(url) {
  return ask(url, { method: "GET" });
}

/** Posts without waiting, while the page goes away. */
export function postOnLeaving(url) {
  fetch(url, { method: "POST", headers: headers(), keepalive: true }).catch(() => {});
}

/** What is left of an element's data-seconds-left, which began when it came: this device's clock may be wrong. */
export function secondsLeft(element) {
  if (!deadlines.has(element)) deadlines.set(element, Date.now() + Number(element.dataset.secondsLeft) * 1000);
  return Math.max(deadlines.get(element) - Date.now(), 0) / 1000;
}
