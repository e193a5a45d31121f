// One answer: its place in the page, its stream, what it says about itself, and how to have it once more.

import { stream } from "/page/api.js";
import { Splitter, span } from "/page/tokens.js";

const TOP = 5; // alternatives asked for with each token

// What differs between the two ways of asking: where, with what, and how a chunk gives text and tokens.
export const WAYS = {
  chat: {
    path: "/v1/chat/completions",
    asked: { logprobs: true, top_logprobs: TOP },
    text: (choice) => choice.delta.content ?? "",
    entries: (choice) => (choice.logprobs?.content ?? []).map((entry) => ({ ...entry, top: entry.top_logprobs })),
  },
  continue: {
    path: "/v1/completions",
    asked: { logprobs: TOP },
    text: (choice) => choice.text ?? "",
    entries: ({ text, logprobs }) => (text ? logprobs?.tokens ?? [] : []).map((token, at) => ({
      token,
      logprob: logprobs.token_logprobs[at],
      top: Object.entries(logprobs.top_logprobs[at] ?? {}).map(([name, logprob]) => ({ token: name, logprob })),
    })),
  },
};

const ENDS = { stop: "", length: "cut at the limit", stopped: "stopped", content_filter: "ended by the filter" };
const SCALES = [50, 100, 200, 500, 1000, 2000, 5000, 10000]; // tokens/s at the right end of a gauge
let fastest = 0; // of all answers that have ended: gauges side by side have one scale

function element(kind, className, text) {
  const made = document.createElement(kind);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, action) {
  const made = element("button", "quiet", text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

export class Answer {
  // ask() -> the body of the request; given: text that stands before the answer; again: what "Again" does
  constructor({ model, way, ask, given = "", again }) {
    Object.assign(this, { model, way: WAYS[way], ask, given, said: "", entries: [], tokens: 0, attempt: 0, end: "" });
    this.element = element("article", "answer");
    this.body = element("p", "text");
    this.body.tabIndex = 0;
    this.body.setAttribute("role", "group");
    this.body.setAttribute("aria-label", `Answer of ${model}`);
    this.speed = element("span", "speed");
    this.again = button("Again", again ?? (() => this.run()));
    this.copy = button("Copy", () => this.copied());
    this.again.classList.add("again");
    const buttons = element("span", "buttons");
    buttons.append(this.again, this.copy);
    const foot = element("div", "foot");
    this.gauge = element("span", "gauge");
    this.gauge.setAttribute("role", "meter");
    this.gauge.setAttribute("aria-label", "Tokens a second");
    this.gauge.append(element("span", ""));
    foot.append(this.gauge, this.speed, buttons);
    this.wrong = element("p", "wrong");
    this.wrong.setAttribute("role", "alert");
    this.wrong.hidden = true;
    this.element.append(element("h2", "", model), this.body, this.wrong, foot);
  }

  get whole() {
    return this.given + this.said;
  }

  get running() {
    return this.element.classList.contains("busy");
  }

  stop() {
    this.abort?.abort();
  }

  // Asks, and shows what comes until it ends; resolves to why it ended. Never throws: what went wrong is shown.
  async run() {
    this.stop();
    const abort = (this.abort = new AbortController());
    this.begin();
    let end = "stop";
    try {
      const body = { model: this.model, ...this.way.asked, ...this.ask(this.attempt) };
      this.asked = body;
      this.attempt += 1;
      this.echoes = body.echo === true; // the first chunk is what was given, with its own chances
      if (this.given && !this.echoes) this.body.append(element("span", "given", this.given));
      for await (const chunk of stream(this.way.path, body, abort.signal)) {
        const choice = chunk.choices[0];
        if (choice) this.take(choice);
        if (choice?.finish_reason) end = choice.finish_reason;
        if (chunk.usage) this.tokens = chunk.usage.completion_tokens;
      }
    } catch (error) {
      end = abort.signal.aborted ? "stopped" : (error.code ?? "broken");
      if (!abort.signal.aborted) this.fail(error);
    }
    if (this.abort === abort) this.finish(end);
    return end;
  }

  begin() {
    Object.assign(this, { said: "", entries: [], tokens: 0, began: performance.now(), first: 0, last: 0, times: [], splitter: new Splitter() });
    this.body.replaceChildren();
    this.wrong.hidden = true;
    this.speed.textContent = "";
    this.again.hidden = this.copy.hidden = true;
    this.element.classList.add("busy");
    this.element.setAttribute("aria-busy", "true");
    this.changed();
  }

  take(choice) {
    const entries = this.way.entries(choice);
    const text = this.way.text(choice);
    if (!text && !entries.length) return;
    const spans = this.splitter.split(text, entries).map((part) => span(part.text, part.entries));
    if (this.echoes) {
      this.echoes = false;
      spans.forEach((each) => each.classList.add("given"));
      return this.body.append(...spans);
    }
    this.last = performance.now();
    this.first ||= this.last;
    this.said += text;
    this.tokens += entries.length;
    this.entries.push(...entries);
    this.times.push([this.last, entries.length]);
    this.body.append(...spans);
    this.measure("");
    this.changed();
  }

  // Tokens a second over the last second while it writes, over all when it has ended.
  pace(end) {
    if (!end) {
      while (this.times.length > 2 && this.last - this.times[0][0] > 1000) this.times.shift();
      const made = this.times.slice(1).reduce((sum, [, count]) => sum + count, 0);
      const took = this.last - this.times[0]?.[0];
      if (made && took > 300) return (1000 * made) / took;
    }
    return (1000 * this.tokens) / (this.last - this.began); // the prompt's reading included: what the reader feels
  }

  measure(end) {
    const words = [`${this.tokens} token${this.tokens === 1 ? "" : "s"}`];
    const pace = this.tokens && this.last > this.began ? this.pace(end) : 0;
    if (pace) words.push(`${pace.toFixed(0)} tokens/s`);
    if (this.first && end) words.push(`first after ${((this.first - this.began) / 1000).toFixed(2)} s`);
    const known = this.entries.filter((entry) => entry.logprob !== null);
    const bits = -known.reduce((sum, entry) => sum + entry.logprob, 0) / Math.LN2 / known.length;
    if (known.length && end) words.push(`${bits.toFixed(2)} bits a token`);
    if (ENDS[end]) words.push(ENDS[end]);
    this.speed.textContent = words.join(" · ");
    if (end) fastest = Math.max(fastest, pace);
    const most = SCALES.find((scale) => scale > fastest) ?? fastest;
    this.gauge.hidden = !pace;
    this.gauge.title = `${pace.toFixed(0)} of ${most} tokens/s`;
    this.gauge.setAttribute("aria-valuenow", pace.toFixed(0));
    this.gauge.setAttribute("aria-valuemax", most);
    this.gauge.firstChild.style.width = `${Math.min(100, (100 * pace) / most)}%`;
  }

  finish(end) {
    this.end = end;
    this.element.classList.remove("busy");
    this.element.setAttribute("aria-busy", "false");
    this.again.hidden = false;
    this.copy.hidden = !this.said;
    this.measure(end);
    this.changed();
  }

  fail(error) {
    const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1);
    this.wrong.textContent = /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
    this.wrong.hidden = false;
  }

  async copied() {
    try {
      await navigator.clipboard.writeText(this.whole);
      this.copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(this.body);
      this.copy.textContent = "Selected";
    }
    setTimeout(() => (this.copy.textContent = "Copy"), 1200);
  }

  changed() {
    this.element.dispatchEvent(new Event("changed", { bubbles: true }));
  }
}
