// Text as the tokens it is made of; pointing at one, or walking there with the arrow keys, shows what else might have come.
// Whatever a model says goes into the page as text, never as markup.

const told = new WeakMap(); // span -> the tokens whose text it is
const card = document.getElementById("card");

// {text, entries: [{token, logprob, top: [{token, logprob}]}]} -> a span
export function span(text, entries) {
  const made = document.createElement("span");
  made.textContent = text;
  entries = entries.filter((entry) => entry.logprob !== null); // the first token of a text has nothing before it
  if (entries.length) {
    const probability = Math.exp(Math.min(...entries.map((entry) => entry.logprob)));
    made.className = `t p${probability < 0.02 ? 0 : probability < 0.1 ? 1 : probability < 0.3 ? 2 : probability < 0.6 ? 3 : probability < 0.85 ? 4 : 5}`;
    told.set(made, entries);
  }
  return made;
}

// Gives each token its own text, also where a character needs several tokens. Returns [{text, entries}].
export class Splitter {
  constructor() {
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    this.pending = [];
  }

  split(text, entries) {
    const parts = [];
    for (const entry of entries) {
      this.pending.push(entry);
      const own = entry.bytes ? this.decoder.decode(new Uint8Array(entry.bytes), { stream: true }) : entry.token;
      if (own) {
        parts.push({ text: own, entries: this.pending });
        this.pending = [];
      }
    }
    if (parts.map((part) => part.text).join("") === text) return parts;
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // a stop string cut a token in two, say
    const all = [...parts.flatMap((part) => part.entries), ...this.pending];
    this.pending = [];
    return text ? [{ text, entries: all }] : [];
  }
}

function visible(token) {
  return token.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)) || "∅";
}

function percent(logprob) {
  const share = 100 * Math.exp(logprob);
  return share >= 10 ? `${share.toFixed(0)} %` : share >= 0.1 ? `${share.toFixed(1)} %` : "< 0.1 %";
}

function row(entry, chosen) {
  const item = document.createElement("li");
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.width = `${100 * Math.exp(entry.logprob)}%`;
  const name = document.createElement("code");
  name.textContent = visible(entry.token);
  const share = document.createElement("b");
  share.textContent = percent(entry.logprob);
  item.append(bar, name, share);
  if (chosen) item.className = "chosen";
  return item;
}

function show(spot) {
  const entries = told.get(spot);
  if (!entries) return hide();
  document.querySelector(".t.on")?.classList.remove("on");
  spot.classList.add("on");
  card.replaceChildren(...entries.slice(0, 4).map((entry) => {
    const table = document.createElement("ol");
    const others = entry.top.filter((other) => other.token !== entry.token || other.logprob !== entry.logprob);
    const rows = [[entry, true], ...others.map((other) => [other, false])];
    rows.sort((a, b) => b[0].logprob - a[0].logprob);
    table.append(...rows.map(([each, chosen]) => row(each, chosen)));
    return table;
  }));
  card.hidden = false;
  const place = spot.getClientRects()[0] ?? spot.getBoundingClientRect();
  const left = Math.min(place.left, innerWidth - card.offsetWidth - 10);
  const below = place.bottom + 8 + card.offsetHeight < innerHeight;
  card.style.left = `${Math.max(10, left)}px`;
  card.style.top = `${below ? place.bottom + 8 : Math.max(10, place.top - card.offsetHeight - 8)}px`;
}

export function hide() {
  document.querySelector(".t.on")?.classList.remove("on");
  card.hidden = true;
}

// Pointer, finger and keyboard over everything inside `area`; `chosen` hears of a token that was clicked or entered.
export function watch(area, chosen) {
  area.addEventListener("click", (event) => event.target.matches?.(".t") && getSelection().isCollapsed && chosen(event.target));
  area.addEventListener("pointerover", (event) => (event.target.matches?.(".t") ? show(event.target) : hide()));
  area.addEventListener("pointerleave", hide);
  area.addEventListener("scroll", hide, { passive: true });
  area.addEventListener("focusout", hide);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    if (event.key === "Enter" && event.target.matches(".text")) {
      const on = event.target.querySelector(".t.on");
      if (on) chosen(on);
      return;
    }
    if (!event.target.matches(".text") || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    const all = [...event.target.querySelectorAll(".t")];
    const now = all.findIndex((each) => each.classList.contains("on"));
    const next = all[now + (event.key === "ArrowRight" ? 1 : -1)] ?? all.at(now < 0 ? 0 : now);
    if (!next) return;
    next.scrollIntoView({ block: "nearest" });
    show(next);
  });
}
