// The annotation page. Without this it is a plain form; with it there are keys, a next page at hand and an outbox.

import { listen } from "./controls.js";
import { Drafts } from "./drafts.js";
import { Grid } from "./grid.js";
import { serveSheet, showKeys } from "./keysheet.js";
import { announce, askForLogin, clearNotices, showNotice, showRefused, showUnsent } from "./notices.js";
import { switchLayout } from "./layout.js";
import { Outbox } from "./outbox.js";
import { Prefetch } from "./prefetch.js";
import { load, post, secondsLeft } from "./server.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { count, text } from "./texts.js";
import { swapOffer, watchOffer } from "./undo.js";
import { Zoom } from "./zoom.js";

// What can wait until the next page has been painted waits so long.
const PAINT_MILLISECONDS = 50;
const region = document.getElementById("region");
const zoom = new Zoom();
const store = new Store(text("account"));
const drafts = new Drafts(store);
const tabs = new Tabs(text("account"), listHeld, {
  shown: (batch) => prefetch.drop(batch),
  gone: leaveGone,
  outbox: () => outbox.refresh().then(stopWaiting),
});
const prefetch = new Prefetch(() => [...listHeld().batches, ...tabs.held], () => tabs.tellHeld());
const outbox = new Outbox(text("account"), store, { attempted: settle, changed: showOutbox });
// Pages that other tabs sent or gave back.
const gone = new Set();
const hooks = { changed: (batch, answers) => drafts.keep(batch, answers), swiped: (value) => run(value), chosen };
let grid = null;
let painted = false;
let repeated = false;
let leaseTimer = 0;

/** The page on this screen, and all that this tab has in hand. */
function listHeld() {
  const shown = grid?.batch ?? null;
  const unsent = outbox.waiting.map((entry) => entry.batch);
  return { shown, batches: [...unsent, ...(shown ? [shown] : []), ...prefetch.batches] };
}

/** Takes over the #batch that is in the page now. */
function adopt() {
  grid?.close();
  const form = document.getElementById("answers");
  grid = form ? new Grid(form, hooks) : null;
  showKeys();
  watchOffer(undone, findFocus);
  waitForPaint();
  showLayout();
  clearTimeout(leaseTimer);
  tabs.tellHeld();
  if (!grid) return;
  leaseTimer = setTimeout(() => showNotice(text("expired")), secondsLeft(document.getElementById("batch")) * 1000);
  resume(grid);
  setTimeout(fillUp, PAINT_MILLISECONDS);
}

/** Gets the next pages, unless one on its way to the server still takes their place: then when it is there. */
function fillUp() {
  if (grid && !outbox.waiting.length) prefetch.ask();
}

/** A key must hit the picture that is seen: two frames, and what is new has been drawn. */
function waitForPaint() {
  painted = false;
  requestAnimationFrame(() => requestAnimationFrame(() => (painted = true)));
}

/** The button that offers the other layout, where the campaign leaves the choice. */
function showLayout() {
  const button = region.querySelector("[data-command=layout]");
  if (button) button.textContent = grid.isCards ? button.dataset.grid : button.dataset.cards;
}

function changeLayout() {
  switchLayout();
  grid.useLayout();
  showLayout();
  grid.focus();
}

/** Answers that were given before the page was closed or loaded anew. */
async function resume(opened) {
  const answers = await drafts.find(opened.batch);
  if (opened === grid && answers.length && !grid.answered) grid.restore(answers);
}

function show(batch) {
  zoom.close();
  region.replaceChildren(document.adoptNode(batch));
  adopt();
  window.scrollTo({ top: 0 });
  findFocus();
}

/** The focus would be nowhere: it goes to the picture at hand, else to the heading. */
function findFocus() {
  if (grid) {
    grid.focus({ quietly: true });
    return;
  }
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
  return !isOver(batch) && (!grid || grid.batch === entry.batch);
}

/** Whether the answers to a page are on their way, from here or from another tab. */
function isOver({ dataset }) {
  return outbox.has(dataset.batch) || gone.has(dataset.batch);
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
  drafts.forget(grid.batch);
  tabs.tellGone(grid.batch);
  const next = kept === "loose" ? null : prefetch.take();
  if (next) show(next);
  else setBusy(true);
  if (kept === "loose") showNotice(text("storage"));
  setTimeout(() => outbox.flush(), next ? PAINT_MILLISECONDS : 0);
}

/** Called by the outbox after every attempt to send a page. */
function settle(entry, { outcome, batch }) {
  if (outcome === "done") saved(entry, batch);
  else if (outcome === "refused") refused(entry, batch);
  else kept(outcome);
}

function saved(entry, batch) {
  announce(count("saved", entry.answers));
  tabs.tellOutbox();
  if (wants(batch, entry)) {
    show(batch);
    return;
  }
  if (swapOffer(batch, undone, findFocus)) findFocus();
  fillUp();
}

function refused(entry, batch) {
  tabs.tellOutbox();
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
  showRefused(outbox.refused, (batch) => outbox.acknowledge(batch).then(() => tabs.tellOutbox()));
}

/** Shows the page at hand, else what the server has for this annotator now. */
async function moveOn() {
  const batch = prefetch.take() ?? (await load(text("pageUrl"))).batch;
  // Meanwhile another answer may have brought a page.
  if (!isBusy() && !isWaiting()) return;
  if (!batch) showNotice(text("failed"), "error", { url: text("pageUrl"), label: text("reload") });
  else if (!isOver(batch)) show(batch);
}

/** Another tab may have sent what this one waits for. */
function stopWaiting() {
  if ((isWaiting() || isBusy()) && !outbox.waiting.length) moveOn();
}

/** Another tab sent a page or gave it back. */
function leaveGone(batch) {
  gone.add(batch);
  prefetch.drop(batch);
  if (grid?.batch !== batch || isBusy()) return;
  showNotice(text("elsewhere"));
  setBusy(true);
  moveOn();
}

/** Gives back what is at hand, then the page on screen, and shows what the server says to that. */
async function stop(url) {
  setBusy(true);
  const shown = grid.batch;
  for (const batch of await prefetch.giveBack()) tabs.tellGone(batch);
  const { outcome, reason } = await post(url, {});
  if (outcome === "nothing" || outcome === "refused") {
    drafts.forget(shown);
    tabs.tellGone(shown);
    location.assign(text("pageUrl"));
    return;
  }
  setBusy(false);
  if (outcome === "login") askForLogin();
  else showNotice(reason || text("failed"), "error");
}

function undone(batch) {
  if (!grid) {
    show(batch);
    return;
  }
  swapOffer(batch, undone, findFocus);
  announce(text("undone"));
  showNotice(text("undone"), "success");
  grid.focus({ quietly: true });
}

function openDialog(name) {
  const dialog = document.getElementById(name);
  if (!dialog.open) dialog.showModal();
}

function answer(value, sentence) {
  const ends = grid.isCards && grid.isAtEnd;
  grid.answer(value);
  tellAnswer(sentence, ends);
}

/** An answer was pressed where pictures come one after the other. */
function chosen(value) {
  const ends = grid.isAtEnd;
  grid.move("next");
  tellAnswer(text(value.toLowerCase()), ends);
}

function tellAnswer(sentence, ends) {
  announce(ends ? `${sentence}. ${text("lastCard")}` : sentence);
  if (grid.isCards) waitForPaint();
  if (!ends) return;
  if (zoom.open) zoom.close();
  showNotice(text("lastCard"), "success");
  region.querySelector("#answers [type=submit]:not([data-return], [name=flag])").focus({ preventScroll: true });
}

const actions = {
  YES: () => answer("YES", text("yes")),
  NO: () => answer("NO", text("no")),
  UNSURE: () => answer("UNSURE", text("unsure")),
  skip: () => answer(null, text("cleared")),
  undo: () => grid.undo(),
  fill: () => (grid.fillWithNo(), announce(text("filled"))),
  unfill: () => (grid.clearFilled(), announce(text("unfilled"))),
  left: () => grid.move("left"),
  right: () => grid.move("right"),
  up: () => grid.move("up"),
  down: () => grid.move("down"),
  previous: () => grid.move("previous"),
  next: () => grid.move("next"),
  zoom: () => (zoom.open ? zoom.close() : zoom.show(grid)),
  zoomIn: () => zoom.show(grid),
  close: () => zoom.close(),
  definition: () => openDialog("definition"),
  layout: changeLayout,
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

listen({ run, ready: (command) => grid !== null || command === "keys" });
serveSheet(() => grid?.useKeys());
// The second click of a double click meets the page that the first one brought.
region.addEventListener("click", (event) => (repeated = event.detail > 1), { capture: true });
region.addEventListener("submit", (event) => {
  if (event.target.id !== "answers") return;
  event.preventDefault();
  if (!grid || isBusy() || repeated) return;
  if (event.submitter?.hasAttribute("data-return")) stop(event.submitter.formAction);
  else send();
});

window.addEventListener("pagehide", () => {
  for (const batch of prefetch.leave()) tabs.tellGone(batch);
  tabs.leave();
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  adopt();
  outbox.flush();
});

tabs.greet();
await outbox.refresh();
document.documentElement.classList.add("enhanced");
adopt();
// The answers to the page that the server shows are on their way.
if (grid && outbox.has(grid.batch)) showKept();
outbox.flush();
