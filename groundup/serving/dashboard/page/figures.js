// Figures as a person reads them, and elements made without ever parsing a text of a run as markup.

const LETTERS = [[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

export function figure(value) {
  if (value === null || value === undefined) return "not a number";
  const size = Math.abs(value);
  if (size >= 1e21) return value.toExponential(2);
  for (const [limit, letter] of LETTERS) if (size >= limit && size >= 1e4) return trim((value / limit).toPrecision(3)) + letter;
  if (size >= 100 || Number.isInteger(value)) return trim(value.toFixed(size >= 1000 ? 0 : 1));
  if (size >= 0.001 || value === 0) return trim(value.toPrecision(4));
  return value.toExponential(2);
}

function trim(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

export function element(name, words = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(words)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...inside);
  return made;
}

export function drawn(name, words = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(words)) made.setAttribute(key, value);
  if (text !== "") made.textContent = text;
  return made;
}

export function options(select, values, chosen, first = null) {
  const wanted = JSON.stringify([values, first]);
  if (select.dataset.values !== wanted) {
    select.dataset.values = wanted;
    select.replaceChildren(...(first === null ? [] : [element("option", {value: ""}, first)]), ...values.map(value => element("option", {value}, value)));
  }
  if (chosen !== undefined && select.value !== chosen && (values.includes(chosen) || chosen === "")) select.value = chosen;
  return select.value;
}
