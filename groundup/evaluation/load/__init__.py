"""A server under load: prompts go to any server of OpenAI's API at chosen moments, and how long each answer took comes back.

`orders` says what is asked, `connection` speaks HTTP, `answer` times one answer, `drive` sends them all, `figures` sums up.
Nothing here knows what is behind the address, and nothing heavy is imported.
"""
