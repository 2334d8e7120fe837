// The annotation page. Without this it is a plain form; with it there are keys, a next page at hand and an outbox.

import { Grid } from "./grid.js";
import { commandOf, keysAreOn, switchKeys } from "./keys.js";
import { announce, askForLogin, clearNotices, showNotice, showRefused, showUnsent } from "./notices.js";
import { Outbox } from "./outbox.js";
import { Prefetch } from "./prefetch.js";
import { load, secondsLeft } from "./server.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { count, text } from "./texts.js";
import { watchUndo } from "./undo.js";
import { Zoom } from "./zoom.js";

const region = document.getElementById("region");
const zoom = new Zoom();
const prefetch = new Prefetch(() => grid?.batch);
const store = new Store(text("account"));
const tabs = new Tabs(text("account"), hear);
const outbox = new Outbox(text("account"), store, { attempted: settle, changed: showOutbox });
let grid = null;
let painted = false;
let leaseTimer = 0;

/** Takes over the #batch that is in the page now. */
function adopt() {
  grid?.close();
  const form = document.getElementById("answers");
  grid = form ? new Grid(form) : null;
  watchUndo({ done: undone });
  painted = false;
  // A key must hit the picture that is seen: two frames, and the new page has been drawn.
  requestAnimationFrame(() => requestAnimationFrame(() => (painted = true)));
  clearTimeout(leaseTimer);
  if (!grid) return;
  tabs.tell("shown", grid.batch);
  leaseTimer = setTimeout(() => showNotice(text("expired")), secondsLeft(document.getElementById("batch")) * 1000);
  prefetch.ask();
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

/** Stands where the next page will: the one sent last has not reached the server. */
function showKept() {
  show(document.getElementById("unsent-template").content.cloneNode(true).firstElementChild);
}

function isWaiting() {
  return region.querySelector("[data-kept]") !== null;
}

/** Whether to show the page in this answer: nothing better is on screen and its own answers are not on their way. */
function wants(batch, entry) {
  return !outbox.has(batch.dataset.batch) && (!grid || grid.batch === entry.batch);
}

function isBusy() {
  return document.getElementById("batch").ariaBusy === "true";
}

function setBusy(busy) {
  const batch = document.getElementById("batch");
  batch.ariaBusy = String(busy);
  batch.inert = busy;
}

async function send() {
  if (isBusy()) return;
  if (zoom.open) zoom.close();
  if (!grid.answered) {
    showNotice(text("nothingAnswered"));
    return;
  }
  clearNotices();
  painted = false;
  const kept = await outbox.put(grid.entry());
  tabs.tell("gone", grid.batch);
  const next = kept === "loose" ? null : prefetch.take();
  if (next) show(next);
  else setBusy(true);
  if (kept === "loose") showNotice(text("storage"));
  outbox.flush();
}

/** Called by the outbox after every attempt to send a page. */
function settle(entry, { outcome, batch }) {
  if (outcome === "done") saved(entry, batch);
  else if (outcome === "refused") refused(entry, batch);
  else kept(outcome);
}

function saved(entry, batch) {
  announce(count("saved", entry.answers));
  tabs.tell("outbox");
  if (wants(batch, entry)) {
    show(batch);
    return;
  }
  swapLastBatch(batch);
  if (grid) prefetch.ask();
}

function refused(entry, batch) {
  tabs.tell("outbox");
  if (batch && wants(batch, entry)) show(batch);
  else if (isBusy() || isWaiting()) moveOn();
}

function kept(outcome) {
  if (outcome === "login") askForLogin();
  // What could not be stored is still in the page, and stays there.
  if (isBusy() && !outbox.isLoose(grid?.batch)) showKept();
}

function showOutbox() {
  showUnsent(outbox.waiting.length);
  showRefused(outbox.refused, (batch) => outbox.acknowledge(batch).then(() => tabs.tell("outbox")));
}

/** Shows the page at hand, else what the server has for this annotator now. */
async function moveOn() {
  const { batch } = prefetch.usable ? { batch: prefetch.take() } : await load(location.pathname);
  // Meanwhile another answer may have brought a page.
  if (!isBusy() && !isWaiting()) return;
  if (!batch) showNotice(text("failed"), "error", { url: location.pathname, label: text("reload") });
  else if (!outbox.has(batch.dataset.batch)) show(batch);
  else if (!isWaiting()) showKept();
}

/** Another tab may have sent what this one waits for. */
function stopWaiting() {
  if (isWaiting() && !outbox.waiting.length) moveOn();
}

/** What another tab of this annotator told. */
function hear(kind, batch) {
  if (kind === "outbox") outbox.refresh().then(stopWaiting);
  else prefetch.drop(batch);
  if (kind !== "gone" || grid?.batch !== batch || isBusy()) return;
  setBusy(true);
  moveOn().then(() => showNotice(text("elsewhere")));
}

function swapLastBatch(batch) {
  document.getElementById("last-batch")?.replaceWith(document.adoptNode(batch.querySelector("#last-batch")));
  watchUndo({ done: undone });
}

function undone(batch) {
  if (!grid) {
    show(batch);
    return;
  }
  swapLastBatch(batch);
  announce(text("undone"));
  showNotice(text("undone"), "success");
  grid.focus({ quietly: true });
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
  else if (command === "retry") outbox.retry().then(stopWaiting);
  else if (grid && painted && !isBusy()) {
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
  if (event.target.id !== "answers") return;
  if (event.submitter?.hasAttribute("data-return")) {
    tabs.tell("gone", grid?.batch);
    return;
  }
  event.preventDefault();
  if (grid) send();
});

const keysSwitch = document.getElementById("keys-on");
keysSwitch.checked = keysAreOn();
keysSwitch.addEventListener("change", () => switchKeys(keysSwitch.checked));
window.addEventListener("pagehide", () => prefetch.giveBack());
window.addEventListener("pageshow", (event) => event.persisted && grid && prefetch.ask());

await outbox.refresh();
document.documentElement.classList.add("enhanced");
adopt();
// The answers to the page that the server shows are on their way.
if (grid && outbox.has(grid.batch)) showKept();
outbox.flush();
