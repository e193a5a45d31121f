// The page: what the stream tells becomes a list of runs, charts of the chosen ones, and whichever panel is open.

import {chart} from "./chart.js";
import {element, figure, options} from "./figures.js";
import {panels} from "./panels.js";

const FIRST = ["loss", "validation", "gradient", "tokens_per_s"];
const TABS = {charts: "Charts", samples: "Samples", layers: "Layers", settings: "Settings", machine: "Machine", notes: "Notes"};
const COLOURS = 8;
const $ = id => document.getElementById(id);

const kept = JSON.parse(localStorage.getItem("dashboard") || "{}");
const page = {
  state: {runs: [], load: [], alerts: []},
  chosen: kept.chosen ? new Set(kept.chosen) : null, // names of runs; null until the first state comes
  colours: new Map(), // name of a run -> its number among all that were seen
  metrics: kept.metrics || FIRST, axis: kept.axis || "steps", smooth: kept.smooth ?? 0, logx: !!kept.logx, logy: !!kept.logy,
  tab: TABS[location.hash.slice(1)] ? location.hash.slice(1) : "charts",
  points: new Map(), // run|metric|axis -> {changes, x, y}
};

function keep() {
  const {metrics, axis, smooth, logx, logy} = page;
  localStorage.setItem("dashboard", JSON.stringify({chosen: [...page.chosen], metrics, axis, smooth, logx, logy}));
}

export async function ask(path, words) {
  const answer = await fetch(`/api/${path}?${new URLSearchParams(words)}`);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

const colour = name => page.colours.get(name) % COLOURS;
const dashed = name => page.colours.get(name) % (2 * COLOURS) >= COLOURS;
const chosen = () => page.state.runs.filter(run => page.chosen.has(run.name));

function take(state) {
  page.state = state;
  for (const run of state.runs) if (!page.colours.has(run.name)) page.colours.set(run.name, page.colours.size);
  const living = state.runs.filter(run => run.state !== "finished");
  if (!page.chosen && state.runs.length) page.chosen = new Set((living.length ? living : state.runs).concat(state.runs).slice(0, 5).map(run => run.name));
  page.chosen ||= new Set();
  $("folder").textContent = state.folder;
  document.title = `${living.length ? `${living.length} running · ` : ""}${state.folder}`;
  list();
  alerts();
  show();
}

function list() {
  const wanted = $("filter").value.toLowerCase(), runs = page.state.runs.filter(run => run.name.toLowerCase().includes(wanted));
  $("empty").hidden = page.state.runs.length > 0;
  const items = runs.map(run => {
    const box = element("input", {type: "checkbox", checked: page.chosen.has(run.name)});
    box.dataset.run = run.name;
    box.onchange = () => { page.chosen[box.checked ? "add" : "delete"](run.name); keep(); list(); show(); };
    const told = [run.last.loss === undefined ? "" : `loss ${figure(run.last.loss)}`, run.last.step === undefined ? "no step yet" : `step ${figure(run.last.step)}`].filter(Boolean).join(" · ");
    const swatch = element("span", {className: `swatch c${colour(run.name)}${page.chosen.has(run.name) ? " on" : ""}`});
    const label = element("label", {}, box, swatch, element("span", {className: "name"}, run.name.replace(/\.partial$/, "")),
      element("span", {className: "told"}, element("span", {className: `state ${run.state}`}, run.state), ` · ${told}`));
    if (run.state !== "finished" && run.steps) label.append(element("progress", {max: run.steps, value: run.last.step || 0}));
    return element("li", {}, label);
  });
  const focused = document.activeElement?.dataset?.run;
  $("runs").replaceChildren(...items);
  if (focused !== undefined) [...document.querySelectorAll("#runs input")].find(box => box.dataset.run === focused)?.focus();
}

function alerts() {
  const told = page.state.alerts, place = $("alerts");
  place.hidden = told.length === 0;
  if (!told.length || place.dataset.last === JSON.stringify(told)) return;
  place.dataset.last = JSON.stringify(told);
  const open = place.querySelector("details")?.open, words = alert => `${alert.run ? alert.run + ": " : ""}${alert.words}`;
  const rest = told.length > 1 ? ` (and ${told.length - 1} more)` : "";
  const items = [...told].reverse().map(alert => element("li", {}, `${new Date(alert.at * 1000).toLocaleTimeString()} ${words(alert)}`));
  place.replaceChildren(element("details", {open: !!open}, element("summary", {}, words(told.at(-1)) + rest), element("ul", {}, ...items)));
}

function show() {
  for (const button of $("tabs").children) button.setAttribute("aria-selected", button.dataset.tab === page.tab);
  for (const name of Object.keys(TABS)) $(name).hidden = name !== page.tab;
  if (page.tab === "charts") return charts();
  panels[page.tab]({page, ask, chosen, colour, dashed}).catch(lost);
}

function charts() {
  const known = [...new Set(page.state.runs.flatMap(run => run.metrics))].sort();
  options($("add"), known.filter(name => !page.metrics.includes(name)), "", "a metric …");
  const cards = new Map([...$("cards").children].map(card => [card.dataset.metric, card]));
  $("cards").replaceChildren(...page.metrics.map(metric => cards.get(metric) || card(metric)));
  for (const metric of page.metrics) draw(metric);
  refresh();
}

function card(metric) {
  const close = element("button", {className: "close", type: "button", title: `remove ${metric}`}, "×");
  close.onclick = () => { page.metrics = page.metrics.filter(name => name !== metric); keep(); show(); };
  const made = element("div", {className: "card"}, element("div", {className: "row between"}, element("h3", {}, metric), close));
  made.dataset.metric = metric;
  return made;
}

function draw(metric) {
  const place = [...$("cards").children].find(card => card.dataset.metric === metric);
  if (!place || place.matches(":hover") && place.dataset.drawn === stamp(metric)) return;
  place.dataset.drawn = stamp(metric);
  const lines = chosen().filter(run => run.metrics.includes(metric)).map(run => {
    const points = page.points.get(`${run.name}|${metric}|${page.axis}`);
    return {name: run.name, colour: colour(run.name), dashed: dashed(run.name), x: points?.x || [], y: points?.y || []};
  });
  const names = {steps: "steps", tokens: "tokens", flops: "FLOPs", hours: "hours"};
  chart(place, lines, {smooth: page.smooth, logx: page.logx, logy: page.logy, axis: names[page.axis]});
}

function stamp(metric) {
  return JSON.stringify([page.axis, page.smooth, page.logx, page.logy, chosen().map(run => [run.name, page.points.get(`${run.name}|${metric}|${page.axis}`)?.changes])]);
}

let busy = false, again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    do {
      again = false;
      for (const metric of page.metrics) {
        const stale = chosen().filter(run => run.metrics.includes(metric) && page.points.get(`${run.name}|${metric}|${page.axis}`)?.changes !== run.changes);
        await Promise.all(stale.map(async run => {
          const points = await ask("series", {run: run.name, metric, axis: page.axis});
          page.points.set(`${run.name}|${metric}|${points.axis}`, {changes: Math.max(points.changes, run.changes), x: points.x, y: points.y});
        }));
        if (stale.length) draw(metric);
      }
    } while (again);
  } catch (error) { lost(error); } finally { busy = false; }
}

function lost(error) { $("link").textContent = error.message; $("link").className = "lost"; }

function listen() {
  const stream = new EventSource("/api/events");
  stream.onopen = () => { $("link").textContent = "live"; $("link").className = "live"; };
  stream.onerror = () => lost(new Error("the dashboard does not answer; trying again"));
  stream.onmessage = message => take(JSON.parse(message.data));
}

function controls() {
  $("tabs").append(...Object.entries(TABS).map(([name, words]) => {
    const button = element("button", {type: "button", role: "tab"}, words);
    button.dataset.tab = name;
    button.onclick = () => { page.tab = name; history.replaceState(null, "", `#${name}`); show(); };
    return button;
  }));
  $("axis").value = page.axis; $("smooth").value = page.smooth; $("logx").checked = page.logx; $("logy").checked = page.logy;
  $("axis").onchange = () => { page.axis = $("axis").value; keep(); show(); };
  $("smooth").oninput = () => { page.smooth = Number($("smooth").value); keep(); for (const metric of page.metrics) draw(metric); };
  for (const name of ["logx", "logy"]) $(name).onchange = () => { page[name] = $(name).checked; keep(); show(); };
  $("add").onchange = () => { if ($("add").value) { page.metrics = [...page.metrics, $("add").value]; keep(); show(); } };
  $("filter").oninput = list;
  const visible = () => [...document.querySelectorAll("#runs input")].map(box => box.dataset.run);
  $("all").onclick = () => { for (const name of visible()) page.chosen.add(name); keep(); list(); show(); };
  $("none").onclick = () => { page.chosen.clear(); keep(); list(); show(); };
  for (const place of document.querySelectorAll("section select:not(#axis):not(#add), section input[type=checkbox]:not(#logx):not(#logy)")) place.addEventListener("change", show);
  new ResizeObserver(() => { for (const card of $("cards").children) card.dataset.drawn = ""; if (page.tab === "charts" && page.chosen) page.metrics.forEach(draw); }).observe($("cards"));
}

controls();
listen();
