"""A request that is turned away: one sentence and a status, in the form that OpenAI's clients read.

What goes wrong inside never goes out: no path, no stack, no setting.
"""

from typing import Any

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class Refusal(Exception):
    """Raised anywhere while a request is handled; the guard answers it."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None, **headers: str):
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> dict[str, Any]:
        """The error as OpenAI writes it."""
        usual = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": self.message, "type": TYPES.get(self.status, usual), "param": self.param, "code": self.code}
        return {"error": error}


def busy() -> Refusal:
    """Everything is taken; the client may come again."""
    return Refusal(429, "the server is busy: try again in a moment", "server_busy", retry_after="1")


def draining() -> Refusal:
    """The server is about to stop."""
    return Refusal(
        503, "the server is stopping and takes no new requests", "stopping", retry_after="5", connection="close"
    )


def failed() -> Refusal:
    """Something broke that the client cannot put right."""
    return Refusal(500, "something went wrong in the server; the request can be sent again", "internal_error")


def overflow(tokens: int | None, context: int) -> Refusal:
    """The prompt does not fit into what the model reads at once."""
    found = f"has {tokens} tokens" if tokens is not None else "is far too long"
    message = f"the prompt {found}, and this model reads at most {context}, the answer included: shorten it"
    return Refusal(400, message, "context_length_exceeded", "messages")


def given_up() -> Refusal:
    """An answer that was begun and will not be finished."""
    return Refusal(
        503, "the answer was given up before its end; the request can be sent again", "given_up", retry_after="1"
    )
