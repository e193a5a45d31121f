// The map of words: points that can be pointed at, found, zoomed and laid out in two ways.
const told = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const map = at("map"), wide = 1000, high = 800, edge = 60;
const make = (name, inside) => inside.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
let layout = "tsne", view = { x: 0, y: 0, zoom: 1 }, held = null;

const points = told.words.map((word, k) => {
  const group = make("g", map), circle = make("circle", group), text = make("text", group);
  circle.setAttribute("r", 4.5);
  text.setAttribute("x", 8); text.setAttribute("y", 6);
  text.textContent = word;
  group.dataset.word = word;
  group.addEventListener("pointerenter", () => held === null && show(k));
  group.addEventListener("pointerleave", () => held === null && show(null));
  group.addEventListener("click", () => hold(held === k ? null : k));
  return group;
});

// Each layout fills the plane, both axes in one scale.
const fitted = Object.fromEntries(Object.entries(told.layouts).map(([name, plane]) => {
  const [left, top, right, bottom] = [0, 1].map((axis) => Math.min(...plane.map((p) => p[axis])))
    .concat([0, 1].map((axis) => Math.max(...plane.map((p) => p[axis]))));
  const scale = Math.min((wide - 2 * edge) / (right - left || 1), (high - 2 * edge) / (bottom - top || 1));
  return [name, plane.map(([x, y]) => [wide / 2 + (x - (left + right) / 2) * scale, high / 2 + (y - (top + bottom) / 2) * scale])];
}));

function place() {
  const taken = [];
  fitted[layout].forEach(([x, y], k) => {
    const [px, py] = [(x - view.x) * view.zoom, (y - view.y) * view.zoom];
    points[k].setAttribute("transform", `translate(${px.toFixed(1)} ${py.toFixed(1)})`);
    const box = [px - 5, py - 12, px + 12 + 9.6 * told.words[k].length, py + 11];
    const free = px > -50 && py > -20 && px < wide + 50 && py < high + 20
      && taken.every(([l, t, r, b]) => box[0] > r || box[2] < l || box[1] > b || box[3] < t);
    if (free) taken.push(box);
    points[k].classList.toggle("quiet", !free);
  });
}

function show(k) {
  points.forEach((point) => point.classList.remove("asked", "near"));
  map.classList.toggle("asking", k !== null);
  at("near").replaceChildren();
  at("word").textContent = k === null ? "" : told.words[k];
  at("told").textContent = k === null ? "point at a word" : "";
  if (k === null) return;
  points[k].classList.add("asked");
  for (const [other, cosine] of told.near[k]) {
    points[other].classList.add("near");
    const line = document.createElement("li"), word = document.createElement("span"), number = document.createElement("span");
    const bar = document.createElement("i");
    word.textContent = told.words[other];
    number.textContent = cosine.toFixed(2);
    bar.style.setProperty("--share", `${Math.max(0, 100 * cosine)}%`);
    line.append(word, number, bar);
    line.addEventListener("click", () => hold(other));
    at("near").append(line);
  }
}

function hold(k) {
  held = k;
  if (k !== null) map.append(points[k]); // above all others
  show(k);
}

// A whole word before the beginning of one; blanks that tokens begin with and capitals do not matter.
const plain = (word) => word.replace(/^▁/, "").toLowerCase();
at("search").addEventListener("input", () => {
  const wanted = plain(at("search").value.trim());
  if (!wanted) return hold(null);
  const names = told.words.map(plain);
  const found = names.includes(wanted) ? names.indexOf(wanted) : names.findIndex((name) => name.startsWith(wanted));
  hold(found < 0 ? null : found);
  if (found < 0) at("told").textContent = `no word here begins with ${JSON.stringify(at("search").value)}`;
});

for (const button of document.querySelectorAll("[data-layout]")) {
  button.addEventListener("click", () => {
    layout = button.dataset.layout;
    document.querySelectorAll("[data-layout]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
    whole();
  });
}
function whole() { view = { x: 0, y: 0, zoom: 1 }; place(); }
at("whole").addEventListener("click", whole);

const inside = (event) => {
  const box = map.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * wide, (event.clientY - box.top) / box.height * high];
};
map.addEventListener("wheel", (event) => {
  event.preventDefault();
  const [x, y] = inside(event), zoom = Math.min(40, Math.max(1, view.zoom * Math.exp(-event.deltaY / 400)));
  view = { x: view.x + x / view.zoom - x / zoom, y: view.y + y / view.zoom - y / zoom, zoom };
  place();
}, { passive: false });
let dragged = null;
map.addEventListener("pointerdown", (event) => { dragged = inside(event); });
addEventListener("pointerup", () => { dragged = null; });
map.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const now = inside(event);
  view = { ...view, x: view.x - (now[0] - dragged[0]) / view.zoom, y: view.y - (now[1] - dragged[1]) / view.zoom };
  dragged = now;
  place();
});
place();
