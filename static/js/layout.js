// Whether a page shows all its pictures at once or one after the other: as the campaign says, else as the person chose.

const STORED_AS = "veriset.layout";
let chosen = read();

function read() {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

/** "GRID" or "CARDS" for a page of a campaign that says `wanted`: one of these, or "CHOICE". */
export function layoutOf(wanted) {
  if (wanted !== "CHOICE") return wanted;
  return chosen === "CARDS" ? "CARDS" : "GRID";
}

/** The person wants the other one; it stays so in this browser. */
export function switchLayout() {
  chosen = layoutOf("CHOICE") === "CARDS" ? "GRID" : "CARDS";
  try {
    localStorage.setItem(STORED_AS, chosen);
  } catch {
    // Then the choice lasts as long as the page.
  }
}
