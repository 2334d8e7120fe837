// A picture that follows the finger: to the right is yes, to the left no, up unsure. Buttons say the same below it.

const DISTANCE = 70;
const CLICK_DISTANCE = 8;

function answerOf(x, y) {
  if (Math.max(Math.abs(x), -y) < DISTANCE) return null;
  if (-y > Math.abs(x)) return "UNSURE";
  return x > 0 ? "YES" : "NO";
}

/** Calls `answer(value)` for each swipe over `element`; none after `signal` was aborted. */
export function watchSwipes(element, answer, { signal }) {
  let start = null;
  let moved = false;

  function place(x, y) {
    element.style.translate = x || y ? `${x}px ${Math.min(y, 0)}px` : "";
    element.dataset.swipe = answerOf(x, y) ?? "";
  }

  function end(event, value) {
    if (!start || event.pointerId !== start.pointerId) return;
    start = null;
    place(0, 0);
    if (value) answer(value);
  }

  const options = { signal };
  element.addEventListener(
    "pointerdown",
    (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      start = event;
      moved = false;
    },
    options,
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      if (!start || event.pointerId !== start.pointerId) return;
      const [x, y] = [event.clientX - start.clientX, event.clientY - start.clientY];
      if (!moved && Math.hypot(x, y) < CLICK_DISTANCE) return;
      if (!moved) element.setPointerCapture(event.pointerId);
      moved = true;
      place(x, y);
    },
    options,
  );
  element.addEventListener(
    "pointerup",
    (event) => end(event, start && moved && answerOf(event.clientX - start.clientX, event.clientY - start.clientY)),
    options,
  );
  element.addEventListener("pointercancel", (event) => end(event, null), options);
  element.addEventListener("dragstart", (event) => event.preventDefault(), options);
  // What ends a swipe is no click on the picture.
  element.addEventListener(
    "click",
    (event) => {
      if (!moved) return;
      moved = false;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true, signal },
  );
}
