// A text as its tokens in colours; one that is clicked, or reached with the arrow keys, shows what it is made of.
// Used by the report's page and by the server's. Whatever a text says goes into the page as text, never as markup.

const COLOURS = 5;

// Blanks and line breaks as signs.
function visible(text) {
  return text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll("\r", "␍").replaceAll(" ", "␣") || "∅";
}

function made(name, style, words) {
  const element = document.createElement(name);
  element.className = style;
  if (words !== undefined) element.textContent = words;
  return element;
}

// ids: the tokens of a text; tokens: id -> {text, bytes, parts: [left, right], score, control, broken}. The bytes of a broken
// character are written as \xe2.
export class TokensView {
  constructor(area, detail) {
    this.area = area;
    this.detail = detail;
    area.tabIndex = 0;
    area.setAttribute("role", "listbox");
    area.setAttribute("aria-label", "The tokens of the text");
    area.addEventListener("click", (event) => {
      const spot = event.target.closest(".token");
      if (spot) this.choose(this.spots.indexOf(spot));
    });
    area.addEventListener("keydown", (event) => this.walk(event));
  }

  show(ids, tokens) {
    this.ids = ids;
    this.tokens = tokens;
    this.chosen = -1;
    this.spots = ids.map((id, place) => {
      const told = tokens[id];
      const spot = made("span", `token c${place % COLOURS}${told.control ? " control" : ""}${told.broken ? " broken" : ""}`, told.text);
      spot.title = `${visible(told.text)}  id ${id}`;
      spot.setAttribute("role", "option");
      return spot;
    });
    this.area.replaceChildren(...this.spots);
    this.detail.replaceChildren(made("p", "invite", ids.length ? "Click a token, or walk with the arrow keys, to see how it was made." : ""));
  }

  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !this.spots?.length) return;
    event.preventDefault();
    const at = this.chosen < 0 && step === 1 ? 0 : this.chosen + step;
    this.choose(Math.max(0, Math.min(this.spots.length - 1, at)));
  }

  choose(place) {
    this.spots[this.chosen]?.classList.remove("on");
    this.chosen = place;
    const spot = this.spots[place];
    spot.classList.add("on");
    spot.scrollIntoView({ block: "nearest" });
    const id = this.ids[place];
    this.spots.forEach((each, number) => each.classList.toggle("same", number !== place && this.ids[number] === id));
    this.detail.replaceChildren(this.facts(id, place), this.tree(id));
  }

  facts(id, place) {
    const told = this.tokens[id];
    const words = [`id ${id}`, told.control ? "control token, outside the text" : `${told.bytes} ${told.bytes === 1 ? "byte" : "bytes"}`, `token ${place + 1} of ${this.ids.length}`];
    const times = this.ids.filter((other) => other === id).length;
    if (times > 1) words.push(`${times} times here`);
    if (told.score !== undefined) words.push(`score ${told.score}`);
    const line = made("p", "facts");
    line.append(made("code", "", visible(told.text)), ` ${words.join(" · ")}`);
    return line;
  }

  // Each token above its two halves, as wide as its bytes.
  tree(id) {
    const told = this.tokens[id];
    const node = made("div", "node");
    node.style.flexGrow = told.bytes;
    const name = made("div", "name");
    name.append(made("code", "", visible(told.text)), made("small", "", String(id)));
    node.append(name);
    if (told.parts) {
      const parts = made("div", "parts");
      parts.append(...told.parts.map((part) => this.tree(part)));
      node.append(parts);
    }
    return node;
  }
}
