"""The trie of pieces finds exactly the pieces that a text begins with."""

from hypothesis import example, given, settings
from hypothesis import strategies as some

from groundup.kernels import unigram_trie
from groundup.tokenizer.fast_bpe import joined


@settings(max_examples=300, deadline=None)
@given(some.sets(some.binary(min_size=1, max_size=4), max_size=40), some.binary(max_size=6))
@example({b"  ", b"<sym>", b"two words"}, b"!<sym>")
def test_it_finds_the_pieces_that_a_text_begins_with(pieces, text):
    ordered = sorted(pieces)
    nodes = unigram_trie.build(*joined(ordered))
    buffer, _ = joined([text])
    found = unigram_trie.matches(nodes, buffer.ctypes.data, 0, len(text)).tolist()
    assert found == [[ordered.index(text[:n]), n] for n in range(1, len(text) + 1) if text[:n] in pieces]


@settings(max_examples=100, deadline=None)
@given(some.sets(some.binary(min_size=1, max_size=3), min_size=1, max_size=60))
def test_no_byte_leads_from_the_root_to_itself(pieces):
    nodes = unigram_trie.build(*joined(sorted(pieces)))
    led = [byte for byte in range(256) if unigram_trie.step(nodes, 0, byte) >= 0]
    assert led == sorted({piece[0] for piece in pieces})
