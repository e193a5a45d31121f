"""An answer's form is held here: a regular expression, a JSON schema or a choice becomes masks over a model's tokens."""
