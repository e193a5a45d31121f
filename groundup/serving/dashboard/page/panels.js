// The other panels: what a model said, its layers as a map, settings side by side, the machine, and what runs told.

import {chart} from "./chart.js";
import {drawn, element, figure, options} from "./figures.js";

const $ = id => document.getElementById(id);
const answers = new Map(); // path|words -> {changes, told}: asked again only when a run has changed

async function remembered(ask, path, words, changes) {
  const key = JSON.stringify([path, words]), known = answers.get(key);
  if (known && known.changes === changes) return known.told;
  const told = await ask(path, words);
  answers.set(key, {changes, told});
  return told;
}

// The run that a panel is about: the one its select says, among those that are chosen.
function about(panel, {page, chosen}) {
  const runs = chosen().length ? chosen() : page.state.runs, select = $(panel).querySelector(".of");
  const name = options(select, runs.map(run => run.name));
  return runs.find(run => run.name === name) || runs[0];
}

async function samples(given) {
  const run = about("samples", given), place = $("said");
  if (!run) return void place.replaceChildren(nothing("Choose a run on the left."));
  const {samples: told} = await remembered(given.ask, "samples", {run: run.name}, `${run.changes} ${run.state}`);
  const prompt = options($("prompt"), [...new Set(told.map(each => each.prompt))], undefined, "all");
  const rows = told.filter(each => !prompt || each.prompt === prompt).sort((one, other) => other.step - one.step);
  if (!rows.length) return void place.replaceChildren(nothing("This run has written no samples: set samples.prompts and training.samples_at."));
  place.replaceChildren(...rows.map(each => element("div", {className: "sample"}, element("span", {className: "soft"}, `step ${figure(each.step)}`), element("b", {}, each.prompt), each.text)));
}

async function layers(given) {
  const run = about("layers", given), place = $("heat");
  if (!run) return void place.replaceChildren(nothing("Choose a run on the left."));
  const names = [...new Set(run.metrics.map(name => /^layer\.\d+\.(.+)$/.exec(name)?.[1]).filter(Boolean))].sort();
  const metric = options($("layered"), names);
  if (!names.length) return void place.replaceChildren(nothing("This run tells nothing of its layers: metrics called layer.N.name are drawn here."));
  const told = await remembered(given.ask, "layers", {run: run.name, metric}, run.changes);
  heat(place, told, $("logheat").checked);
}

function heat(place, {steps, layers: table, metric}, log) {
  const turn = value => value === null || (log && value <= 0) ? null : log ? Math.log(value) : value;
  const rows = table.map(row => row.map(turn)), flat = rows.flat().filter(value => value !== null);
  const low = flat.reduce((least, value) => Math.min(least, value), Infinity), high = flat.reduce((most, value) => Math.max(most, value), -Infinity);
  const canvas = element("canvas", {width: steps.length, height: rows.length});
  const pen = canvas.getContext("2d"), image = pen.createImageData(Math.max(1, steps.length), Math.max(1, rows.length));
  rows.forEach((row, layer) => row.forEach((value, at) => {
    const share = value === null ? null : (value - low) / (high - low || 1), from = (layer * steps.length + at) * 4;
    image.data.set(share === null ? [128, 128, 128, 60] : [...ramp(share), 255], from);
  }));
  pen.putImageData(image, 0, 0);
  const read = element("div", {className: "scale"}, element("span", {}, `layer 0 at the top, ${rows.length - 1} at the bottom`), element("span", {}, "point at the map"));
  canvas.onpointermove = event => {
    const box = canvas.getBoundingClientRect();
    const at = Math.min(steps.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * steps.length)));
    const layer = Math.min(rows.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * rows.length)));
    read.lastChild.textContent = `layer ${layer}, step ${figure(steps[at])}: ${figure(table[layer][at])}`;
  };
  const back = log ? Math.exp : value => value, ends = flat.length ? [figure(back(low)), figure(back(high))] : ["", ""];
  const bar = drawn("svg", {viewBox: "0 0 100 1", preserveAspectRatio: "none", width: "100%", height: 8, role: "img"});
  for (let at = 0; at < 100; at++) bar.append(drawn("rect", {x: at, y: 0, width: 1.1, height: 1, fill: `rgb(${ramp(at / 99)})`}));
  place.replaceChildren(element("div", {className: "card"}, element("h3", {}, `${metric} of each layer`), canvas,
    element("div", {className: "scale"}, element("span", {}, `step ${figure(steps[0])}`), element("span", {}, `step ${figure(steps.at(-1))}`)), read, bar,
    element("div", {className: "scale"}, element("span", {}, ends[0]), element("span", {}, ends[1]))));
}

// Dark blue, green, yellow: brightness rises evenly, so that it can be read without colours too.
const STOPS = [[38, 24, 84], [46, 80, 140], [33, 144, 141], [110, 200, 96], [250, 230, 60]];
export function ramp(share) {
  const place = Math.min(0.9999, Math.max(0, share)) * (STOPS.length - 1), at = Math.floor(place);
  return STOPS[at].map((start, part) => Math.round(start + (STOPS[at + 1][part] - start) * (place - at)));
}

async function settings({ask, chosen}) {
  const runs = chosen(), place = $("table");
  if (!runs.length) return void place.replaceChildren(nothing("Choose runs on the left: their settings stand side by side here."));
  const told = await Promise.all(runs.map(run => remembered(ask, "settings", {run: run.name}, run.state)));
  const names = [...new Set(told.flatMap(each => Object.keys(each.settings)))];
  const rows = names.map(name => ({name, values: told.map(each => words(each.settings[name]))}));
  const differs = row => new Set(row.values).size > 1, only = $("differing").checked;
  const shown = rows.filter(row => !only || differs(row));
  if (!shown.length) return void place.replaceChildren(nothing(runs.length > 1 ? "These runs have the same settings." : "With one run alone nothing differs: choose another one, or show all."));
  place.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, element("th", {}, "setting"), ...runs.map(run => element("th", {}, run.name)))),
    element("tbody", {}, ...shown.map(row => element("tr", {}, element("th", {scope: "row"}, row.name), ...row.values.map(value => element("td", {className: differs(row) ? "differs" : ""}, value)))))));
}

const words = value => value === undefined ? "–" : value === null ? "none" : typeof value === "number" ? String(value) : String(value);

async function machine({page}) {
  const load = page.state.load, place = $("loads"), now = load.at(-1);
  if (!now) return;
  const shares = {cpu: "processors", memory: "memory", disk: "disk"}, percent = value => `${Math.round(value * 100)} %`;
  const told = {cpu: now.waiting === undefined ? "" : `load ${now.waiting}`, memory: now.memory_bytes ? `of ${(now.memory_bytes / 1e9).toFixed(1)} GB` : "", disk: `${(now.disk_free / 1e9).toFixed(1)} GB free`};
  const graphs = Object.keys(shares).filter(name => now[name] !== undefined).map(name => ({title: shares[name], words: [percent(now[name]), told[name]].filter(Boolean).join(", "), of: look => look[name]}));
  (now.gpus || []).forEach((gpu, number) => {
    graphs.push({title: gpu.name, words: `busy ${percent(gpu.busy)}, ${gpu.celsius} °C, ${Math.round(gpu.watts)} W`, of: look => look.gpus?.[number]?.busy});
    graphs.push({title: `${gpu.name}, memory`, words: percent(gpu.memory), of: look => look.gpus?.[number]?.memory});
  });
  place.replaceChildren(...graphs.map(graph => element("div", {className: "card"}, element("h3", {}, graph.title), element("p", {className: "soft"}, graph.words))));
  graphs.forEach((graph, at) => {
    const looks = load.filter(look => graph.of(look) !== undefined);
    const line = {name: graph.title, colour: at % 8, x: looks.map(look => (look.at - now.at) / 60), y: looks.map(graph.of)};
    chart(place.children[at], [line], {small: true, low: 0, high: 1, axis: "minutes", says: percent, when: value => value > -0.02 ? "now" : value > -2 ? `${Math.round(value * 60)} s` : `${Math.round(value)} min`});
  });
}

async function notes({chosen}) {
  const told = chosen().filter(run => run.notes.length || run.sampled);
  if (!told.length) return void $("told").replaceChildren(nothing("The chosen runs have said nothing beside their numbers."));
  $("told").replaceChildren(...told.map(run => element("div", {}, element("h3", {}, run.name),
    run.sampled ? element("p", {className: "soft"}, "Its metrics are so many that only some lines from all over the file, and all of its end, were read.") : "",
    element("ul", {}, ...[...run.notes].reverse().map(note => element("li", {}, note))))));
}

const nothing = sentence => element("p", {className: "soft"}, sentence);

export const panels = {samples, layers, settings, machine, notes};
