// Keys of the curators' desk: A or R chooses a verdict and goes to the reason, Enter sends it, J shows the next dispute.

const form = document.getElementById("decision");
const next = document.getElementById("next-dispute");
const buttons = form ? [...form.querySelectorAll("[data-key]")] : [];

function choose(button) {
  for (const other of buttons) other.toggleAttribute("data-chosen", other === button);
  form.elements.reason.focus();
}

function isTyping(target) {
  return target.matches("input, textarea, select");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.repeat) return;
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  const button = buttons.find((candidate) => candidate.dataset.key === key);
  if (button) {
    event.preventDefault();
    choose(button);
  } else if (key === "j" && next) next.click();
});

// Enter in the reason presses the button that was chosen; without a choice it asks for one.
form?.elements.reason.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  const chosen = buttons.find((button) => button.hasAttribute("data-chosen"));
  if (chosen) form.requestSubmit(chosen);
  else buttons[0].focus();
});

document.documentElement.classList.add("enhanced");
