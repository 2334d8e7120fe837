// The offer to take back the page that was sent last.

import { askForLogin, showNotice } from "./notices.js";
import { post, secondsLeft } from "./server.js";
import { text } from "./texts.js";

let timer = 0;

/** Serves the offer in the page, until its time is over; `done(batch)` gets the server's answer to an undo. */
export function watchOffer(done) {
  clearTimeout(timer);
  const offer = document.querySelector("#last-batch form");
  if (!offer) return;
  offer.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { outcome, batch, reason } = await post(offer.action, {});
    if (outcome === "login") askForLogin();
    else if (outcome === "done") done(batch);
    else showNotice(reason || text("failed"), "error");
  });
  timer = setTimeout(() => offer.remove(), secondsLeft(offer) * 1000);
}

/** Puts the offer of another answer in its place. Returns whether the focus was on the old one, and is now nowhere. */
export function swapOffer(batch, done) {
  const old = document.getElementById("last-batch");
  const focused = old?.contains(document.activeElement) ?? false;
  old?.replaceWith(document.adoptNode(batch.querySelector("#last-batch")));
  watchOffer(done);
  return focused;
}
