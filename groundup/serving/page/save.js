// A conversation as a file: as text to read, or as data with every setting and every token's chances.

export function asText(turns) {
  const parts = turns.map((turn) => {
    const answers = turn.answers.map((answer) => (turn.answers.length > 1 ? `**${answer.model}**\n\n${answer.said}` : answer.said));
    return turn.mode === "continue" ? turn.answers.map((answer) => answer.whole).join("\n\n") : [quoted(turn.question), ...answers].join("\n\n");
  });
  const system = turns[0]?.system ? [`*${turns[0].system}*`] : [];
  return [...system, ...parts].join("\n\n---\n\n") + "\n";
}

const quoted = (text) => text.split("\n").map((line) => `> ${line}`).join("\n");

export function asData(turns) {
  return JSON.stringify({
    program: "groundup",
    turns: turns.map((turn) => ({
      mode: turn.mode,
      system: turn.system || undefined,
      question: turn.question,
      answers: turn.answers.map(({ model, said, entries, asked, end }) => ({ model, text: said, asked, end, tokens: entries })),
    })),
  }, null, 1);
}

export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
