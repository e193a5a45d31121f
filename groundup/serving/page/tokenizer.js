// The tokens of a text while it is written: the server cuts it, the view shows it.

import { list, tokenize } from "./api.js";
import { TokensView } from "./view.js";

const $ = (id) => document.getElementById(id);
const KEPT = "groundup-tokens";
const FIRST = "Point at a token, then click it: each is made of two others, down to single bytes.\nNaïve café, 12,345 — 日本語 🙂";
const view = new TokensView($("tokens"), $("detail"));
let asked = 0;

function show(told, text) {
  view.show(told.tokens, told.trees);
  const bytes = new TextEncoder().encode(text).length;
  const each = told.count ? ` · ${(bytes / told.count).toFixed(2)} bytes a token` : "";
  const room = ` · ${((100 * told.count) / told.max_model_len).toFixed(1)} % of the model's context`;
  $("figures").textContent = `${told.count} tokens · ${[...text].length} characters · ${bytes} bytes${each}${room}`;
  $("ids").textContent = told.tokens.join(", ");
}

// What was typed last is what is shown, in whatever order the server answers.
async function cut() {
  const number = ++asked;
  const text = $("text").value;
  const body = { model: $("model").value || undefined, trees: true };
  try {
    const told = text ? await tokenize({ ...body, ...($("turn").checked ? { messages: [{ role: "user", content: text }] } : { prompt: text }) }) : null;
    if (number !== asked) return;
    $("notice").textContent = "";
    $("sheet").hidden = $("ids-field").hidden = !told;
    if (told) show(told, text);
    else $("figures").textContent = "";
  } catch (error) {
    if (number === asked) $("notice").textContent = error.message;
  }
}

let waiting;
$("text").addEventListener("input", () => {
  try { sessionStorage.setItem(KEPT, $("text").value); } catch { /* a browser may forbid it */ }
  clearTimeout(waiting);
  waiting = setTimeout(cut, 60);
});
$("turn").addEventListener("change", cut);
$("model").addEventListener("change", () => { allow(); cut(); });

let models = [];
function allow() {
  const chats = models.find((model) => model.id === $("model").value)?.chat ?? false;
  $("turn-field").hidden = !chats;
  if (!chats) $("turn").checked = false;
}

async function begin() {
  try {
    models = await list("/v1/models");
    $("model").append(...models.map((model) => new Option(model.id, model.id)));
  } catch (error) {
    $("notice").textContent = error.message;
  }
  $("model-field").hidden = models.length < 2;
  let kept = null;
  try { kept = sessionStorage.getItem(KEPT); } catch { /* begin afresh */ }
  $("text").value = kept ?? FIRST;
  allow();
  cut();
}

begin();
