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

const ENDS = { stop: "", length: "cut at the limit", stopped: "stopped" };

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
    Object.assign(this, { model, way: WAYS[way], ask, given, said: "", tokens: 0, attempt: 0 });
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
    foot.append(this.speed, buttons);
    this.wrong = element("p", "wrong");
    this.wrong.setAttribute("role", "alert");
    this.wrong.hidden = true;
    this.element.append(element("h2", "", model), this.body, this.wrong, foot);
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
      this.attempt += 1;
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
    Object.assign(this, { said: "", tokens: 0, began: performance.now(), last: 0, splitter: new Splitter() });
    this.body.replaceChildren();
    if (this.given) this.body.append(element("span", "given", this.given));
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
    this.last = performance.now();
    this.said += text;
    this.tokens += entries.length;
    this.body.append(...this.splitter.split(text, entries).map((part) => span(part.text, part.entries)));
    this.measure("");
    this.changed();
  }

  measure(end) {
    const seconds = (this.last - this.began) / 1000; // reading the prompt and the way here included: what the reader feels
    const words = [`${this.tokens} token${this.tokens === 1 ? "" : "s"}`];
    if (this.tokens && seconds > 0) words.push(`${(this.tokens / seconds).toFixed(0)} tokens/s`);
    if (ENDS[end]) words.push(ENDS[end]);
    this.speed.textContent = words.join(" · ");
  }

  finish(end) {
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
      await navigator.clipboard.writeText(this.given + this.said);
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
