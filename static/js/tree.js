// Fills branches of the hierarchy when they open and walks them with the arrow keys. Without it, links inside lead on.

const tree = document.getElementById("tree");

async function fetchItems(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  if (!response.ok) {
    throw new Error(`${url}: ${response.status}`);
  }
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return template.content;
}

async function fillBranch(branch) {
  const url = branch.dataset.children;
  if (!url) {
    return;
  }
  delete branch.dataset.children;
  branch.setAttribute("aria-busy", "true");
  try {
    branch.querySelector("ul").replaceChildren(await fetchItems(url));
  } catch {
    // The link inside still leads there, and opening the branch again tries again.
    branch.dataset.children = url;
  } finally {
    branch.removeAttribute("aria-busy");
  }
}

async function showMore(link) {
  try {
    const items = await fetchItems(link.dataset.more);
    const first = items.querySelector(".tree__name");
    link.closest("li").replaceWith(items);
    first?.focus();
  } catch {
    window.location.assign(link.href);
  }
}

function findBranch(item) {
  return item.querySelector(":scope > details");
}

function focusItem(item) {
  item?.querySelector(".tree__name").focus();
}

function moveFocus(item, step) {
  const items = [...tree.querySelectorAll("li")].filter((other) => !other.closest("details:not([open])"));
  focusItem(items[items.indexOf(item) + step]);
}

function goRight(item) {
  const branch = findBranch(item);
  if (branch && !branch.open) {
    branch.open = true;
  } else {
    moveFocus(item, 1);
  }
}

function goLeft(item) {
  const branch = findBranch(item);
  if (branch?.open) {
    branch.open = false;
  } else {
    focusItem(item.parentElement.closest("li"));
  }
}

const KEYS = {
  ArrowDown: (item) => moveFocus(item, 1),
  ArrowUp: (item) => moveFocus(item, -1),
  ArrowRight: goRight,
  ArrowLeft: goLeft,
};

function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
}

// The event "toggle" does not bubble.
tree?.addEventListener("toggle", (event) => event.target.open && fillBranch(event.target), true);

tree?.addEventListener("click", (event) => {
  const link = event.target.closest("[data-more]");
  if (link && !hasModifier(event)) {
    event.preventDefault();
    showMore(link);
  }
});

tree?.addEventListener("keydown", (event) => {
  const act = KEYS[event.key];
  const item = event.target.closest("li");
  if (item && act && !hasModifier(event)) {
    event.preventDefault();
    act(item);
  }
});
