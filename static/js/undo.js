// The offer to take back the page that was sent last.

import { askForLogin, showNotice } from "./notices.js";
import { post, secondsLeft } from "./server.js";
import { text } from "./texts.js";

let timer = 0;

/**
 * Serves the offer in the page, until its time is over; `done(batch)` gets the server's answer to an undo, `lost()` is told that the focus
 * went away with the offer.
 */
export function watchOffer(done, lost) {
  clearTimeout(timer);
  const offer = document.querySelector("#last-batch form");
  if (!offer) return;
  let asking = false;
  offer.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return;
    asking = true;
    const { outcome, batch, reason } = await post(offer.action, {});
    asking = false;
    if (outcome === "login") askForLogin();
    else if (outcome === "done") done(batch);
    else showNotice(reason || text("failed"), "error");
  });
  timer = setTimeout(() => {
    const focused = offer.contains(document.activeElement);
    offer.remove();
    if (focused) lost();
  }, secondsLeft(offer) * 1000);
}

/** Puts the offer of another answer in its place. Returns whether the focus was on the old one, and is now nowhere. */
export function swapOffer(batch, done, lost) {
  const old = document.getElementById("last-batch");
  const focused = old?.contains(document.activeElement) ?? false;
  old?.replaceWith(document.adoptNode(batch.querySelector("#last-batch")));
  watchOffer(done, lost);
  return focused;
}
