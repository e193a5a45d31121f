// Leafing through documents: those that fit what was chosen, one at a time. Texts are only ever written as text.
const told = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
let fitting = [], place = 0;

const make = (name, inside, words = "", style = "") => {
  const made = inside.appendChild(document.createElement(name));
  made.textContent = words;
  if (style) made.className = style;
  return made;
};
const named = (heading) => told.names[heading] ?? heading;
const whole = (each) => each.text.turns.join("");
const lower = told.documents.map((each) => `${each.id}\n${whole(each)}`.toLowerCase());

function fill(id, read, name = (value) => value) {
  const counts = new Map();
  for (const each of told.documents) if (read(each)) counts.set(read(each), (counts.get(read(each)) ?? 0) + 1);
  const all = make("option", at(id), "all");
  all.value = "";
  for (const [value, many] of [...counts].sort((a, b) => b[1] - a[1])) {
    const short = name(value).length > 60 ? `…${name(value).slice(-58)}` : name(value);
    make("option", at(id), `${short} (${many})`).value = value;
  }
  at(id).addEventListener("change", choose);
}

function choose() {
  const [heading, step, source] = ["heading", "step", "source"].map((id) => at(id).value);
  const words = at("search").value.trim().toLowerCase();
  fitting = told.documents.filter((each, k) => (!heading || each.heading === heading) && (!step || each.step === step)
    && (!source || each.source === source) && (!words || lower[k].includes(words)));
  turn(0);
}

function turn(to) {
  place = Math.max(0, Math.min(to, fitting.length - 1));
  at("count").textContent = fitting.length ? `${place + 1} of ${fitting.length}` : "none";
  at("back").disabled = place <= 0;
  at("on").disabled = place >= fitting.length - 1;
  at("sheet").hidden = !fitting.length;
  at("none").hidden = fitting.length > 0;
  if (fitting.length) show(fitting[place]);
}

function show(each) {
  const kept = each.heading === "kept";
  at("badge").textContent = kept ? "kept" : `removed: ${named(each.heading)}`;
  at("badge").classList.toggle("kept", kept);
  at("detail").textContent = each.detail ?? "";
  at("facts").replaceChildren();
  const facts = { id: each.id, source: each.source, address: each.url, licence: each.license, step: each.step };
  facts.characters = each.length.toLocaleString("en");
  for (const [name, value] of Object.entries(facts)) if (value) {
    make("dt", at("facts"), name);
    make("dd", at("facts"), value);
  }
  at("texts").replaceChildren();
  at("texts").classList.toggle("several", each.beside.length > 0);
  write(each.text, each.beside.length ? "this document" : "");
  for (const other of each.beside) {
    const alike = other.similarity === null || other.stays ? "" : `, ${other.similarity} alike`;
    write(other.text, `${other.stays ? "the one that stayed" : "went too"}: ${other.id}${alike}`);
  }
  scrollTo({ top: Math.min(scrollY, at("sheet").offsetTop - 60) });
}

function write(text, who) {
  const side = make("div", at("texts"));
  if (who) make("p", side, who, "who");
  const box = make("div", side, "", "text");
  box.tabIndex = 0;
  const left = (many) => make("span", box, `… ${many.toLocaleString("en")} characters …`, "cut");
  if (text.before) left(text.before);
  text.turns.forEach((piece, k) => piece && (k % 2 ? make("mark", box, piece) : box.append(piece)));
  if (text.after) left(text.after);
  const first = box.querySelector("mark");
  if (first && first.offsetTop - box.offsetTop > box.clientHeight) box.scrollTop = first.offsetTop - box.offsetTop - 60;
}

fill("heading", (each) => each.heading, named);
fill("step", (each) => each.step);
fill("source", (each) => each.source);
at("search").addEventListener("input", choose);
at("back").addEventListener("click", () => turn(place - 1));
at("on").addEventListener("click", () => turn(place + 1));
addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowRight") turn(place + 1);
  if (event.key === "ArrowLeft") turn(place - 1);
});
choose();
