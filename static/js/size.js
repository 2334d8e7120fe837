// How many pictures this screen takes well; the campaign may allow fewer. Every form that asks for a page says so.

const STEPS = [
  ["(width >= 100rem) and (height >= 50rem)", 48],
  ["(width >= 75rem)", 36],
  ["(width >= 48rem)", 24],
];
const PHONE = 12;

export function pageSize() {
  return STEPS.find(([screen]) => matchMedia(screen).matches)?.[1] ?? PHONE;
}

document.addEventListener("formdata", ({ target, formData }) => {
  if ("lease" in target.dataset) formData.set("size", pageSize());
});
