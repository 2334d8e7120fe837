// Posts forms to the server and says in one word what became of them.

const TIMEOUT_MILLISECONDS = 10_000;
const REFUSALS = new Set([400, 403, 404, 409, 410, 422]);

function csrfToken() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

function outcomeOf(response, page) {
  if (response.redirected || response.status === 401) return "login";
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

/**
 * Posts `body` (URLSearchParams or its string) and resolves, never rejects, to {outcome, batch, reason, pause}:
 * outcome "done", "refused" (reason says why), "login" or "unreachable"; batch is the answer's #batch element or null;
 * pause is in milliseconds, 0 where the server names none.
 */
export async function post(url, body) {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new URLSearchParams(body),
      headers: { "X-Requested-With": "fetch", "X-CSRFToken": csrfToken() },
      keepalive: true,
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const refusal = page.querySelector("[data-refusal]");
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

/** Posts without waiting, while the page goes away. */
export function postOnLeaving(url) {
  navigator.sendBeacon(url, new URLSearchParams({ csrfmiddlewaretoken: csrfToken() }));
}
