"""What stands above and at the edges of a page: titles of every kind of page, meetings, partings and farewells."""

from groundup.town.grammar import forms
from groundup.town.world import words

PERSON_TITLES = forms("""
    {N}
    {N} of {T}
    [about|all about|who is who:|a short life of|a portrait of|people of {T}:] {N}
    {F}, [our neighbour|one of us|a life in {T}]
""")
PLACE_TITLES = forms("""
    the {P} of {T}
    [about|all about|a short history of|a visit to|a guide to] the {P}
    the {P} and [its neighbours|its keeper|its door]
""")
THING_TITLES = forms("""
    [things|old things|well known things] of {T}: the {X} and [others|the {Y}]
    the {X}, the {Y} and [their owners|more]
    owners and their things: the {X} and the {Y}
    [a list of|notes on] things: from the {X} to the {Y}
""")
STREET_TITLES = forms("""
    {S}
    {S} in {T}
    [the people of|a walk through|life in|the houses of|neighbours in] {S}
    {S}, [house by house|past and present|a street and its people]
""")
DIARY_TITLES = forms("""
    [diary|my diary|a diary|from my diary|notes of a day], {D}
    [a quiet week|days in town|what I saw|pages from a notebook|small days], {D}
    the diary of a friend of {F}
""")
LETTER_TITLES = forms("""
    a letter to {R}
    [letter|a letter] from {W} to {R}
    {W} writes to {R}
    [dear|to my dear] {R}
    [news for|a card for] {R}
""")
SHOP_TITLES = forms("""
    [visit us|welcome|good prices|our shop|open today]: {F} the {V}
    {F}, {V} in {T}
    the shop of {F}
    [shopping|a shop] in {T}: {F}
""")
NEWS_TITLES = forms("""
    [news|town news|small news|news in short|the week] of {D}
    [the {T} paper|{T} news|the {T} post], {D}
    what happened in {T}, {D}
""")
STORY_TITLES = forms("""
    {N} and the {X}
    [the story of|the tale of|a story about] the {X}
    {N}, {M} and the {X}
    [a day with|a walk with|the long way of|the secret of] {N}
    [how|the day when] {N} met {M}
    {N} and {M}
    [one day|a long day|a strange day] in {T}
    [the way|the journey] of the {X}
""")
SCENE_TITLES = forms("""
    {N} and {M} [talk|meet|have tea|chat]
    [a talk|a chat|a meeting] at the {L}
    [heard|overheard] at the {L}
    {N} [meets|visits|talks to] {M}
""")
SUM_TITLES = forms("""
    [sums|small sums|counting|adding up|numbers] [on {D}|with {N}|with {X}]
    {N} counts {X}
    [so many|counting] {X}
    [a lesson|a page] [of sums|in counting] for {D}
""")
RECIPE_TITLES = forms("""
    {V}
    [how to make|recipe for|a recipe for|the best|old recipe:] {V}
    {V} [as {N} likes it|from {T}|for {N}|for guests]
""")
WEATHER_TITLES = forms("""
    [the weather|weather|weather report|wind and rain|the sky over {T}], {D}
    [the weather|sun and rain] in {T}, {D}
""")
NOTE_TITLES = forms("""
    [caretaker's notes|notes for the caretaker|night watch|key list|doors and keys], {D}
    [reminders for {N}|notes left by {N}|notes for {N}]
    [locking up|closing time|rounds] in {T}, {D}
""")
MEETINGS = forms("""
    {N} and {M} [met|ran into each other|sat] [at|in front of|near] the {L}
    {N} [was waiting|stood|sat] at the {L} when {M} came
    [on|one] [Monday|Friday|Sunday] {N} [met|visited|saw] {M} at the {L}
    {M} [opened the door|looked up] and {N} came in
""")
PARTINGS = forms("""
    then {N} and {M} [went home|said goodbye|walked on|parted]
    {N} [waved|left|went away] and {M} [stayed a while|went home|closed the door]
    [soon|after that] it was [late|dark] and they [parted|went home|said good night]
""")
FAREWELLS = words("Yours,With love,Your friend,Kind regards,Warm greetings,Always yours,In haste,Your old friend")
