"""Models behind an address: HTTP comes in, the engine's tokens go out, as OpenAI's clients and a chat page expect them."""
