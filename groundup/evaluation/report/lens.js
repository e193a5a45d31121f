// The lens's page: maps of attention, the text coloured by one head's shares, tables of guesses and lengths.
const told = JSON.parse(document.getElementById("data").textContent);
const count = told.tokens.length;
const at = (id) => document.getElementById(id);
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shown = (token) => token.replaceAll("\n", "⏎\n");
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

const maps = told.maps.map(({ layer, heads, bytes }) => {
  const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  return { layer, heads: Array.from({ length: heads }, (_, head) => raw.subarray(head * count * count, (head + 1) * count * count)) };
});
const all = maps.flatMap((map) => map.heads);
const mean = Uint8Array.from({ length: all.length ? count * count : 0 }, (_, k) => all.reduce((sum, head) => sum + head[k], 0) / all.length);
let chosen = mean, asked = count - 1;

function draw(canvas, shares) {
  canvas.width = canvas.height = count;
  const paint = canvas.getContext("2d"), image = paint.createImageData(count, count);
  paint.fillStyle = ink("--t0");
  paint.fillRect(0, 0, 1, 1);
  const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
  shares.forEach((share, k) => image.data.set([red, green, blue, Math.round(255 * Math.sqrt(share / 255))], 4 * k));
  paint.putImageData(image, 0, 0);
}

function colour() {
  [...at("text").children].forEach((span, k) => {
    const share = k <= asked && chosen.length ? chosen[asked * count + k] / 255 : 0;
    span.style.setProperty("--share", `${Math.round(90 * Math.sqrt(share))}%`);
    span.classList.toggle("asked", k === asked);
    span.title = `token ${k}, share ${percent(share)}`;
  });
  const cost = told.surprise[asked];
  const next = told.guesses.at(-1)[asked].map(([word, chance]) => `${JSON.stringify(word)} ${percent(chance)}`).join(", ");
  at("told").textContent = `${JSON.stringify(told.tokens[asked])}${cost === null ? "" : ` cost ${cost.toFixed(2)} nats`}; after it: ${next}`;
}

const buttons = [];
function choose(shares, words, button) {
  chosen = shares;
  buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  at("caption").textContent = words;
  draw(at("big"), shares);
  colour();
}

told.tokens.forEach((token, k) => {
  const span = document.createElement("span");
  span.textContent = shown(token) || "·";
  span.addEventListener("click", () => { asked = k; colour(); });
  at("text").append(span);
});
for (const { layer, heads } of maps) {
  const row = document.createElement("div"), name = document.createElement("b"), group = document.createElement("div");
  row.className = "layer"; group.className = "heads"; name.textContent = `layer ${layer}`;
  heads.forEach((shares, head) => {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.type = "button"; button.title = `layer ${layer}, head ${head}`;
    button.setAttribute("aria-label", button.title);
    button.append(canvas);
    draw(canvas, shares);
    button.addEventListener("click", () => button.getAttribute("aria-pressed") === "true"
      ? choose(mean, "mean of all heads", null) : choose(shares, button.title, button));
    buttons.push(button);
    group.append(button);
  });
  row.append(name, group);
  at("layers").append(row);
}
at("big").addEventListener("click", (event) => {
  asked = Math.min(count - 1, Math.floor(event.offsetY / event.currentTarget.clientHeight * count));
  colour();
});

function table(place, cell) {
  const head = place.insertRow();
  head.append(document.createElement("th"));
  told.tokens.forEach((token) => { const th = document.createElement("th"); th.textContent = JSON.stringify(token).slice(1, -1); head.append(th); });
  told.guesses.forEach((_, layer) => {
    const row = place.insertRow(), name = document.createElement("th");
    name.textContent = layer ? `layer ${layer - 1}` : "table";
    row.append(name);
    told.tokens.forEach((_, k) => cell(row.insertCell(), layer, k));
  });
}
table(at("guesses"), (place, layer, k) => {
  const [word, chance] = told.guesses[layer][k][0];
  place.textContent = JSON.stringify(word).slice(1, -1);
  place.style.setProperty("--share", `${Math.round(75 * chance)}%`);
  place.title = told.guesses[layer][k].map(([each, share]) => `${JSON.stringify(each)} ${percent(share)}`).join("\n");
});
const longest = Math.max(...told.lengths.flat());
table(at("lengths"), (place, layer, k) => {
  place.textContent = told.lengths[layer][k].toFixed(1);
  place.style.setProperty("--share", `${Math.round(75 * told.lengths[layer][k] / longest)}%`);
});
choose(mean, all.length ? "mean of all heads" : "no layer of this model has heads", null);
document.querySelector(".theme").addEventListener("click", () => {
  document.querySelectorAll(".heads canvas").forEach((canvas, k) => draw(canvas, all[k]));
  draw(at("big"), chosen);
});
