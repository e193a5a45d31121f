// One chart: lines of several runs over one axis, each with its smoothed self, and the values under the pointer.

import {drawn, element, figure} from "./figures.js";

const LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 24;

// Exponential mean without the pull towards zero at its start (as Adam's): gaps of a line are left out.
export function smoothed(values, keep) {
  if (!keep) return values;
  let sum = 0, weight = 0;
  return values.map(value => {
    if (value === null) return null;
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

export function ticks(low, high, many, log) {
  if (log) {
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), found = [];
    const within = last - first > 2 ? [1] : last - first > 1 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
    const stride = Math.max(1, Math.ceil((last - first) / many));
    for (let power = first; power <= last; power += stride) for (const part of within) found.push(part * 10 ** power);
    return found.filter(value => value >= low * 0.999 && value <= high * 1.001);
  }
  const rough = (high - low) / many || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(part => part * power).find(each => each >= rough * 0.7);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

function bounds(values, log) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === Infinity) return null;
  if (low === high) return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const room = log ? 1 : (high - low) * 0.04;
  return log ? [low, high] : [low - room, high + room];
}

function scale([low, high], from, to, log) {
  const turn = log ? Math.log10 : value => value, start = turn(low), width = turn(high) - start;
  return value => from + (turn(value) - start) / width * (to - from);
}

// lines: [{name, colour, dashed, x, y}]; how: {smooth, logx, logy, axis, small, low, high}
export function chart(place, lines, how) {
  const svg = place.querySelector("svg") || place.appendChild(drawn("svg", {class: how.small ? "chart small" : "chart", role: "img"}));
  const width = svg.clientWidth || 400, height = svg.clientHeight || 200;
  lines = lines.filter(line => line.x.length).map(line => ({...line, s: smoothed(line.y, how.smooth)}));
  const wanted = value => value !== null && Number.isFinite(value);
  const xs = bounds(lines.flatMap(line => line.x.filter(wanted)), how.logx);
  const shown = line => line.s.filter((value, at) => wanted(value) && (!how.logx || line.x[at] > 0));
  let ys = bounds(lines.flatMap(shown), how.logy);
  if (how.low !== undefined) ys = [how.low, how.high];
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (!xs || !ys) {
    svg.append(drawn("text", {x: width / 2, y: height / 2, "text-anchor": "middle"}, "nothing to draw on this axis yet"));
    svg.onpointermove = null;
    return;
  }
  if (!how.logx) { xs[0] = Math.min(...lines.map(line => line.x[0])); xs[1] = Math.max(...lines.map(line => line.x.at(-1))); if (xs[0] === xs[1]) xs[1] += 1; }
  const right = scale(xs, LEFT, width - RIGHT, how.logx), up = scale(ys, height - BOTTOM, TOP, how.logy);
  axes(svg, xs, ys, right, up, width, height, how);
  for (const line of lines) {
    const kind = `c${line.colour}${line.dashed ? " dashed" : ""}`;
    if (how.smooth) svg.append(drawn("path", {class: `${kind} raw`, d: trace(line.x, line.y, right, up, how, height)}));
    svg.append(drawn("path", {class: kind, d: trace(line.x, line.s, right, up, how, height)}));
    for (const at of alone(line.x, line.s, how)) svg.append(drawn("circle", {class: `dot c${line.colour}`, cx: right(line.x[at]), cy: up(line.s[at]), r: 3}));
  }
  point(place, svg, lines, right, up, how);
}

function axes(svg, xs, ys, right, up, width, height, how) {
  for (const value of ticks(...ys, how.small ? 2 : 5, how.logy)) {
    const y = up(value);
    svg.append(drawn("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y}), drawn("text", {x: LEFT - 6, y: y + 4, "text-anchor": "end"}, (how.says || figure)(value)));
  }
  const across = ticks(...xs, Math.max(2, Math.floor((width - LEFT) / 90)), how.logx);
  for (const value of across) {
    const at = right(value), anchor = at > width - 26 ? "end" : "middle";
    svg.append(drawn("text", {x: anchor === "end" ? width - 2 : at, y: height - 8, "text-anchor": anchor}, (how.when || figure)(value)));
  }
}

function trace(x, y, right, up, how, height) {
  const parts = [];
  let pen = "M";
  for (let at = 0; at < x.length; at++) {
    if (y[at] === null || (how.logy && y[at] <= 0) || (how.logx && x[at] <= 0)) { pen = "M"; continue; }
    parts.push(pen, right(x[at]).toFixed(1), " ", Math.max(TOP - 3, Math.min(height - BOTTOM + 3, up(y[at]))).toFixed(1));
    pen = "L";
  }
  return parts.join("");
}

// Values without a neighbour, which no line would show.
function alone(x, y, how) {
  const there = at => at >= 0 && at < y.length && y[at] !== null && !(how.logy && y[at] <= 0) && !(how.logx && x[at] <= 0);
  return x.map((_, at) => at).filter(at => there(at) && !there(at - 1) && !there(at + 1));
}

export function nearest(x, wanted) {
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < wanted) low = middle; else high = middle;
  }
  return Math.abs(x[low] - wanted) <= Math.abs(x[high] - wanted) ? low : high;
}

function point(place, svg, lines, right, up, how) {
  let tip = place.querySelector(".tip");
  if (!tip) { tip = element("div", {className: "tip", hidden: true}); place.append(tip); }
  tip.hidden = true;
  const over = drawn("g");
  svg.append(over);
  const leave = () => { tip.hidden = true; over.replaceChildren(); };
  svg.onpointerleave = leave;
  svg.onpointermove = event => {
    const box = svg.getBoundingClientRect(), at = event.clientX - box.left;
    let best = null;
    for (const line of lines) {
      const near = nearest(line.x.map(right), at), away = Math.abs(right(line.x[near]) - at);
      if (best === null || away < best.away) best = {away, x: line.x[near]};
    }
    if (best === null) return leave();
    over.replaceChildren(drawn("line", {class: "cursor", x1: right(best.x), x2: right(best.x), y1: TOP, y2: box.height - BOTTOM}));
    const rows = [];
    for (const line of lines) {
      const near = nearest(line.x, best.x), value = line.s[near];
      if (best.x < line.x[0] || best.x > line.x.at(-1)) continue;
      if (value !== null && Number.isFinite(up(value))) over.append(drawn("circle", {class: `c${line.colour}`, r: 3.5, cx: right(line.x[near]), cy: up(value)}));
      rows.push(element("div", {}, element("span", {className: `swatch on c${line.colour}`}), element("span", {className: "name"}, line.name), element("b", {}, (how.says || figure)(line.y[near]))));
    }
    tip.replaceChildren(element("span", {className: "soft"}, `${how.when ? how.when(best.x) : figure(best.x) + " " + how.axis}`), ...rows);
    tip.hidden = false;
    const card = place.getBoundingClientRect(), cursor = right(best.x) + box.left - card.left;
    const fits = cursor + 14 + tip.offsetWidth < card.width;
    tip.style.left = `${fits ? cursor + 14 : Math.max(2, cursor - tip.offsetWidth - 14)}px`;
    tip.style.top = `${box.top - card.top + 12}px`;
  };
}
