// The page's texts and addresses, written by the server into #texts in the reader's language.

const texts = document.getElementById("texts");
const plurals = new Intl.PluralRules(document.documentElement.lang || "en");

export function text(name) {
  return texts.dataset[name] ?? "";
}

/** A text that counts: `name` in the plural form that `number` asks for. */
export function count(name, number) {
  const form = plurals.select(number);
  const suffix = form[0].toUpperCase() + form.slice(1);
  const pattern = texts.dataset[name + suffix] ?? texts.dataset[`${name}Other`];
  return pattern.replace("#", new Intl.NumberFormat(document.documentElement.lang).format(number));
}
