// The annotation page. Without this it is a plain form; with it there are keys, a next page at hand and an outbox.

import { Grid } from "./grid.js";
import { commandOf, keysAreOn, switchKeys } from "./keys.js";
import { announce, askForLogin, clearNotices, showNotice, showUnsent } from "./notices.js";
import { Outbox } from "./outbox.js";
import { Prefetch } from "./prefetch.js";
import { post } from "./server.js";
import { count, text } from "./texts.js";
import { Zoom } from "./zoom.js";

const region = document.getElementById("region");
const zoom = new Zoom();
const prefetch = new Prefetch(() => grid?.batch);
const outbox = new Outbox(text("annotator"), settle);
let grid = null;
let painted = false;
let undoTimer = 0;

/** Takes over the #batch that is in the page now. */
function adopt() {
  grid?.close();
  const form = document.getElementById("answers");
  grid = form ? new Grid(form) : null;
  watchUndo();
  painted = false;
  // A key must hit the picture that is seen: two frames, and the new page has been drawn.
  requestAnimationFrame(() => requestAnimationFrame(() => (painted = true)));
  if (grid) prefetch.ask();
}

function show(batch) {
  zoom.close();
  region.replaceChildren(document.adoptNode(batch));
  adopt();
  window.scrollTo({ top: 0 });
  if (grid) grid.focus({ quietly: true });
  else focusHeading();
}

function focusHeading() {
  const heading = region.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus();
}

/** Whether to show the page in this answer: nothing better is on screen and its own answers are not on their way. */
function wants(batch, entry) {
  const underway = outbox.entries().some((other) => other.batch === batch.dataset.batch);
  return !underway && (!grid || grid.batch === entry.batch);
}

function isBusy() {
  return document.getElementById("batch").ariaBusy === "true";
}

function send() {
  if (isBusy()) return;
  if (zoom.open) zoom.close();
  if (!grid.answered) {
    showNotice(text("nothingAnswered"));
    return;
  }
  clearNotices();
  if (!outbox.put(grid.entry())) showNotice(text("storage"));
  const next = prefetch.take();
  if (next) show(next);
  else setBusy(true);
  outbox.flush();
}

function setBusy(busy) {
  const batch = document.getElementById("batch");
  batch.ariaBusy = String(busy);
  batch.inert = busy;
}

/** Called by the outbox after every attempt to send a page. */
function settle(entry, { outcome, batch, reason }) {
  showUnsent(outbox.entries().length);
  if (outcome === "done") saved(entry, batch);
  else if (outcome === "refused") refused(entry, batch, reason);
  else kept(outcome);
}

function saved(entry, batch) {
  announce(count("saved", entry.answers));
  if (wants(batch, entry)) {
    show(batch);
    return;
  }
  swapLastBatch(batch);
  if (grid) prefetch.ask();
}

function refused(entry, batch, reason) {
  if (batch && wants(batch, entry)) {
    show(batch);
    announce(reason);
    return;
  }
  setBusy(false);
  showNotice(reason || text("refused"), "error", { url: location.pathname, label: text("reload") });
}

function kept(outcome) {
  if (outcome === "login") askForLogin();
  if (!isBusy()) return;
  show(document.getElementById("unsent-template").content.cloneNode(true).firstElementChild);
}

function swapLastBatch(batch) {
  document.getElementById("last-batch")?.replaceWith(document.adoptNode(batch.querySelector("#last-batch")));
  watchUndo();
}

/** Takes the offer to undo away when its time is over. */
function watchUndo() {
  clearTimeout(undoTimer);
  const offer = document.querySelector("#last-batch form");
  if (!offer) return;
  offer.addEventListener("submit", undoLastBatch);
  undoTimer = setTimeout(() => offer.remove(), Math.max(Date.parse(offer.dataset.undoUntil) - Date.now(), 0));
}

async function undoLastBatch(event) {
  event.preventDefault();
  const { outcome, batch, reason } = await post(event.target.action, {});
  if (outcome === "login") askForLogin();
  else if (outcome !== "done") showNotice(reason || text("failed"), "error");
  else if (grid) {
    swapLastBatch(batch);
    announce(text("undone"));
    showNotice(text("undone"), "success");
    grid.focus({ quietly: true });
  } else show(batch);
}

function openDialog(name) {
  const dialog = document.getElementById(name);
  if (!dialog.open) dialog.showModal();
}

function answer(value, sentence) {
  grid.answer(value);
  announce(sentence);
}

const actions = {
  YES: () => answer("YES", document.querySelector(".answer--yes").textContent.trim()),
  NO: () => answer("NO", document.querySelector(".answer--no").textContent.trim()),
  UNSURE: () => answer("UNSURE", document.querySelector(".answer--unsure").textContent.trim()),
  skip: () => answer(null, text("cleared")),
  undo: () => grid.undo(),
  fill: () => (grid.fillWithNo(), announce(text("filled"))),
  unfill: () => (grid.clearFilled(), announce(text("unfilled"))),
  left: () => grid.move("left"),
  right: () => grid.move("right"),
  up: () => grid.move("up"),
  down: () => grid.move("down"),
  zoom: () => (zoom.open ? zoom.close() : zoom.show(grid)),
  close: () => zoom.close(),
  definition: () => openDialog("definition"),
  send,
};

function run(command) {
  if (command === "keys") openDialog("keys");
  else if (command === "retry") outbox.flush();
  else if (grid && painted) {
    actions[command]?.();
    if (zoom.open && grid) zoom.follow(grid);
  }
}

/** Keys act on the grid, in the zoom and when nothing has the focus; a sheet or the navigation keeps its own. */
function isOurs(target) {
  return target === document.body || Boolean(target.closest("main"));
}

document.addEventListener("keydown", (event) => {
  if (!isOurs(event.target) || document.querySelector("dialog.sheet[open]")) return;
  const command = commandOf(event);
  if (!command || (!keysAreOn() && !["left", "right", "up", "down", "keys"].includes(command))) return;
  if (!grid && command !== "keys") return;
  event.preventDefault();
  run(command);
});

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-command]");
  if (control) run(control.dataset.command);
  else if (event.target.closest(".item__picture") && !event.ctrlKey && !event.metaKey && !event.shiftKey && grid) {
    event.preventDefault();
    zoom.show(grid);
  }
});

region.addEventListener("submit", (event) => {
  if (event.target.id !== "answers" || event.submitter?.hasAttribute("data-return")) return;
  event.preventDefault();
  if (grid) send();
});

const keysSwitch = document.getElementById("keys-on");
keysSwitch.checked = keysAreOn();
keysSwitch.addEventListener("change", () => switchKeys(keysSwitch.checked));
window.addEventListener("pagehide", () => prefetch.giveBack());
window.addEventListener("pageshow", (event) => event.persisted && grid && prefetch.ask());

document.documentElement.classList.add("enhanced");
adopt();
showUnsent(outbox.entries().length);
outbox.flush();
