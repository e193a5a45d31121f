"""What a code point can be to a filter of texts: flags in the byte that a table has for each; and what a word can be."""

ALPHA, NUMBER, SPACE = 1, 2, 4
EDGE = 8  # a sign that parts from a word where the word begins or ends
ENDS = 16  # a sign that ends a sentence
LOWER, UPPER = 32, 64
SIGN = 128  # neither letter, digit, mark nor space

LETTERED, SPOKEN, ENDING = 1, 2, 4  # has a letter; has something other than signs; is a sign that ends a sentence

ABBREVIATIONS = tuple(
    "mr mrs ms dr st vs jr sr inc ltd co corp prof gen gov rev rep sen mt e.g i.e a.m p.m jan feb mar apr jun jul aug sep "
    "sept oct nov dec".split()
)  # after which a full stop ends no sentence
