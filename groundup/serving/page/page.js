// The page: three ways of using the models, one form that says how, one place to write.

import { list } from "/page/api.js";
import { Answer } from "/page/answer.js";
import { asData, asText, download } from "/page/save.js";
import { hide, watch } from "/page/tokens.js";

const $ = (id) => document.getElementById(id);
const [main, talk, how, words] = [document.querySelector("main"), $("talk"), $("how"), $("words")];
const KEPT = "groundup";
const SIDE_BY_SIDE = 3; // models that are compared when nothing else is said
const MODES = {
  chat: { title: "Say something", about: "A model that was built here from raw pages, step by step. Talk with it.", hint: "Ask something" },
  compare: { title: "One question, every model", about: "The same words, and the same seed, put to each of them: see what each stage of training has changed.", hint: "Ask all of them" },
  continue: { title: "Begin a text", about: "The model goes on where you stop. This is all that it did before it learned to answer.", hint: "Once upon a time" },
};

let models = [];
let turns = []; // [{mode, system, question, answers: [Answer], element}]

const mode = () => document.querySelector("[name=mode]:checked").value;
const compared = () => [...document.querySelectorAll("#compared input:checked")].map((box) => box.value);
const busy = () => turns.some((turn) => turn.answers.some((answer) => answer.running));

// --- how the model is to write ---------------------------------------------------------------------------------------

function number(name) {
  const field = how.elements[name];
  return field.value === "" || !field.validity.valid ? undefined : Number(field.value);
}

// At most as many as the server takes; "\\n" written out is a line break.
function stops() {
  const lines = how.elements.stop.value.split("\n").filter((line) => line).map((line) => line.replaceAll("\\n", "\n"));
  return lines.length ? lines.slice(0, 8) : undefined;
}

function settings(attempt, common) {
  const seed = number("seed");
  return {
    temperature: number("temperature"),
    top_p: number("top_p"),
    top_k: number("top_k"),
    max_tokens: number("max_tokens"),
    stop: stops(),
    seed: seed === undefined ? common : seed + attempt, // asked again, even a given seed should give something new
  };
}

function told() {
  for (const field of how.querySelectorAll(".field")) {
    const output = field.querySelector("output");
    if (output) output.textContent = Number(field.querySelector("input").value).toFixed(2);
  }
  document.body.classList.toggle("tint", how.elements.tint.checked);
}

function keep() {
  const kept = Object.fromEntries([...how.elements].filter((field) => field.name).map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
  try { localStorage.setItem(KEPT, JSON.stringify(kept)); } catch { /* a browser may forbid it */ }
}

function recall() {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}"); } catch { /* begin afresh */ }
  for (const field of how.elements) {
    if (!field.name || !(field.name in kept)) continue;
    if (field.type === "checkbox") field.checked = kept[field.name] === true;
    else if (field.name !== "model" || models.some((model) => model.id === kept.model)) field.value = kept[field.name];
  }
}

// --- asking ----------------------------------------------------------------------------------------------------------

// The conversation up to a turn; turns that went wrong said nothing worth repeating.
function messages(upTo) {
  const said = turns.slice(0, turns.indexOf(upTo)).filter((turn) => turn.answers[0].said && turn.seen !== false);
  return [
    ...opening(upTo),
    ...said.flatMap((turn) => [{ role: "user", content: turn.question }, { role: "assistant", content: turn.answers[0].said }]),
    { role: "user", content: upTo.question },
  ];
}

const opening = (turn) => (turn.system ? [{ role: "system", content: turn.system }] : []);

const ASKING = {
  chat(turn) {
    const again = () => ask(turn);
    return [new Answer({ model: how.elements.model.value, way: "chat", again, ask: (attempt) => ({ messages: messages(turn), ...settings(attempt) }) })];
  },
  compare(turn) {
    const common = Math.floor(Math.random() * 2 ** 31);
    const body = (attempt) => ({ messages: [...opening(turn), { role: "user", content: turn.question }], ...settings(attempt, common + attempt) });
    return compared().map((name) => new Answer({ model: name, way: "chat", ask: body }));
  },
  continue(turn) {
    const body = (attempt) => ({ prompt: turn.question, echo: how.elements.score.checked || undefined, ...settings(attempt) });
    return [new Answer({ model: how.elements.model.value, way: "continue", given: turn.question, ask: body })];
  },
};

// Runs a turn. When a conversation has outgrown what the model reads, its oldest turns are left out.
async function ask(turn) {
  for (;;) {
    const ends = await Promise.all(turn.answers.map((answer) => answer.run()));
    const oldest = turns.find((each) => each !== turn && each.seen !== false);
    if (mode() !== "chat" || ends[0] !== "context_length_exceeded" || !oldest || !turns.includes(turn)) return;
    oldest.seen = false;
    $("notice").textContent = "The conversation has outgrown the model: it no longer sees how it began.";
  }
}

function say(question) {
  if (!question.trim() || busy() || !models.length || (mode() === "compare" && !compared().length)) return;
  const system = mode() === "continue" ? "" : how.elements.system.value.trim();
  const turn = { mode: mode(), system, question, element: document.createElement("li") };
  turn.answers = ASKING[mode()](turn);
  if (mode() !== "continue") {
    const [said, mine, edit] = ["div", "p", "button"].map((kind) => document.createElement(kind));
    said.className = "said";
    mine.className = "mine";
    mine.textContent = question;
    Object.assign(edit, { type: "button", className: "quiet edit", textContent: "Edit" });
    edit.addEventListener("click", () => rewrite(turn));
    said.append(mine, edit);
    turn.element.append(said);
  }
  const answers = document.createElement("div");
  answers.className = "answers";
  answers.append(...turn.answers.map((answer) => answer.element));
  turn.element.append(answers);
  talk.append(turn.element);
  turns.push(turn);
  ask(turn);
  show();
  main.scrollTop = main.scrollHeight;
}

// A question is written once more: it and all that came after it are taken back.
function rewrite(turn) {
  const from = turns.indexOf(turn);
  for (const each of turns.splice(from)) {
    each.answers.forEach((answer) => answer.stop());
    each.element.remove();
  }
  write(turn.question);
}

function write(text) {
  words.value = text;
  words.focus();
  words.setSelectionRange(text.length, text.length);
  hide();
  grow();
  show();
}

// Where a text may go on otherwise: what stands up to a token and with it comes back as a beginning.
function goOnFrom(spot) {
  if (mode() !== "continue" || busy()) return;
  let text = "";
  for (const each of spot.parentElement.children) {
    text += each.textContent;
    if (each === spot) break;
  }
  write(text);
}

function clear() {
  turns.forEach((turn) => turn.answers.forEach((answer) => answer.stop()));
  turns = [];
  talk.replaceChildren();
  $("notice").textContent = "";
  hide();
  show();
}

// --- what is seen ----------------------------------------------------------------------------------------------------

function show() {
  const running = busy();
  $("stop").hidden = !running;
  $("send").hidden = running;
  $("send").disabled = !words.value.trim();
  $("welcome").hidden = turns.length > 0;
  $("clear").disabled = !turns.length;
  $("save").hidden = !turns.length;
  document.querySelectorAll(".edit").forEach((button) => (button.hidden = running));
  for (const turn of turns) {
    const last = turn === turns.at(-1);
    if (mode() === "chat" && !turn.answers[0].running) turn.answers[0].again.hidden = !last;
  }
}

function changedMode() {
  const { title, about, hint } = MODES[mode()];
  for (const name of Object.keys(MODES)) document.body.classList.toggle(name, mode() === name);
  $("system-field").hidden = mode() === "continue";
  $("score-field").hidden = $("from-here").hidden = mode() !== "continue";
  $("model-field").hidden = mode() === "compare" || models.length < 2;
  $("compared").hidden = mode() !== "compare";
  $("welcome-title").textContent = title;
  $("welcome-text").textContent = about;
  $("suggestions").hidden = mode() === "continue";
  words.placeholder = hint;
  clear();
}

function grow() {
  words.style.height = "auto";
  words.style.height = `${words.scrollHeight + 2}px`;
}

let follow = true; // whether the reader is at the end of the page, and wants to stay there
main.addEventListener("scroll", () => (follow = main.scrollHeight - main.scrollTop - main.clientHeight < 60), { passive: true });
talk.addEventListener("changed", () => {
  if (follow) main.scrollTop = main.scrollHeight;
  show();
});
watch(main, goOnFrom);

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (busy()) return;
  follow = true;
  say(words.value);
  words.value = "";
  grow();
  show();
});
$("stop").addEventListener("click", () => turns.forEach((turn) => turn.answers.forEach((answer) => answer.stop())));
$("clear").addEventListener("click", () => { clear(); words.focus(); });
for (const [id, name, type, made] of [["save-text", "conversation.md", "text/markdown", asText], ["save-data", "conversation.json", "application/json", asData]])
  $(id).addEventListener("click", () => { download(name, type, made(turns)); $("save").open = false; });
document.addEventListener("click", (event) => { if (!$("save").contains(event.target)) $("save").open = false; });
$("save").addEventListener("focusout", (event) => { if (event.relatedTarget && !$("save").contains(event.relatedTarget)) $("save").open = false; });
words.addEventListener("input", () => { grow(); show(); });
words.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (busy()) $("stop").click();
  $("save").open = false;
  toggleSettings(false);
});
how.addEventListener("input", () => { told(); keep(); });
how.addEventListener("submit", (event) => event.preventDefault());
for (const radio of document.querySelectorAll("[name=mode]")) radio.addEventListener("change", changedMode);

function toggleSettings(open = !$("settings").classList.contains("open")) {
  $("settings").classList.toggle("open", open);
  $("open-settings").setAttribute("aria-expanded", String(open));
}
$("open-settings").addEventListener("click", () => toggleSettings());

// --- beginning -------------------------------------------------------------------------------------------------------

async function begin() {
  try {
    models = await list("/v1/models");
    how.elements.model.append(...models.map((model) => new Option(model.id, model.id)));
    // The default model comes first in the list and is what training ended with: side by side it stands last.
    $("compared").append(...[...models.slice(1), models[0]].map((model) => {
      const box = document.createElement("label");
      box.className = "check";
      const input = Object.assign(document.createElement("input"), { type: "checkbox", value: model.id });
      input.checked = models.indexOf(model) < SIDE_BY_SIDE;
      box.append(input, model.id);
      return box;
    }));
    $("compare-mode").hidden = models.length < 2;
    $("suggestions").append(...(await list("/v1/suggestions")).map((question) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = question;
      button.addEventListener("click", () => say(question));
      item.append(button);
      return item;
    }));
  } catch (error) {
    $("notice").textContent = error.message;
  }
  recall();
  told();
  changedMode();
}

begin();
