// The server as functions: what models there are, a text as tokens, and an answer as a stream of its chunks.

export class ApiError extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

async function sent(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached. Is it still running?", "unreachable", 0);
  }
  if (response.ok) return response;
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch { /* not ours: the status says enough */ }
  throw new ApiError(error.message ?? `The server answered with status ${response.status}.`, error.code, response.status);
}

export async function list(path) {
  return (await (await sent(path)).json()).data;
}

// A text or messages as tokens.
export async function tokenize(body) {
  const headers = { "content-type": "application/json" };
  return (await sent("/tokenize", { method: "POST", headers, body: JSON.stringify(body) })).json();
}

// The chunks of a streamed answer; ends when the server says so, throws what it says went wrong.
export async function* stream(path, body, signal) {
  const options = { include_usage: true };
  const response = await sent(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: options }),
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new ApiError("The connection broke off before the answer had ended.", "broken", 0);
    const lines = (left + value).split("\n");
    left = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") return;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new ApiError(chunk.error.message, chunk.error.code, 0);
      yield chunk;
    }
  }
}
