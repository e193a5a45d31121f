"""Everything that is said between the facts: weather, moods, greetings, small news, steps of a recipe, sums.

Nothing here is true or false of the town, so nothing here is ever asked; it is the English that facts live in.
"""

from groundup.town.grammar import forms
from groundup.town.world import words

WEATHER = forms("""
    the [sun|pale sun|morning sun|winter sun] [shone|came out|stood high] [over|above] the \
        [roofs|river|hills|fields|town]
    [rain|cold rain|warm rain|heavy rain] fell [on|over] the [roofs|fields|gardens|streets|hills] [all day|all \
        night|at noon|]
    a [soft|cold|warm|strong|gentle] wind [blew|came] [from the sea|from the hills|over the fields|through the streets]
    [clouds|grey clouds|white clouds|dark clouds] [hung|moved] over the [river|hills|harbour|town] [until noon|all \
        morning|]
    it [rained|snowed] [a little|for an hour|until noon|in the night|all afternoon]
    [snow|fresh snow|wet snow] lay on the [roofs|trees|fields|road] [in the morning|until noon|for days|]
    the [night|evening|morning|day] was [cold|warm|clear|still|dark|long|mild]
    [fog|thick fog|grey fog] [lay|hung] over the [river|harbour|fields|road]
    the [river|water|harbour] was [high|low|quiet|full of ice] [after the rain|this week|again|]
    [thunder|a storm] [came|rolled] over the [hills|sea|fields] [in the night|after lunch|at dusk]
    the [air|wind] smelled of [rain|smoke|hay|apples|the sea|wet leaves]
    the [birds|geese|children|bees] were [loud|restless|busy] in the [wind|sun|rain|morning]
""")

FORECAST = forms("""
    [tomorrow|on Monday|on Friday|at the weekend|by Sunday] it will be [cold|warm|wet|dry|mild|windy] [in the \
        hills|by the river|everywhere|]
    [rain|snow|sun|wind|fog] is expected [tomorrow|on Tuesday|by evening|for the weekend|in the north]
    the [nights|mornings|days] will [stay|be] [cold|mild|wet|clear] [until Sunday|this week|for now]
    [farmers|sailors|gardeners|walkers] should [stay at home|take a coat|wait for better days|be careful] \
        [tomorrow|on Friday|tonight]
    the temperature will [rise|fall] to {n} degrees [tomorrow|at night|on Sunday|by noon]
    {n} millimetres of rain fell [last night|on Monday|in one hour|this week]
    the warmest day of the week was [Monday|Tuesday|Wednesday|Thursday] with {n} degrees
    the wind will come from the [north|south|east|west] and be [weak|strong|gentle]
""")

MOODS = forms("""
    I [slept|rested] [well|badly|little|long] [last night|this time|and got up early|]
    I [got up|woke] at [five|six|seven|eight] and [drank some tea|ate an egg|fed the birds|opened the window|lit the \
        stove]
    I am [tired|happy|glad|calm|a little sad|in good spirits] [today|tonight|this evening|again]
    my [feet|hands|eyes|legs|ears] [hurt|are cold|are tired] [from the long day|from the walk|tonight|]
    the day was [long|short|busy|quiet|good|hard] [but|and] I [am content|learned something|liked it|would not \
        change it]
    I [sat|stood|waited] by the [window|stove|door|river] [for an hour|until dark|and thought|and said nothing]
    I [bought|found|mended|washed|lost] [a coat|an old book|two cups|a button|a pair of shoes|some candles] \
        [today|at last|in the morning]
    I [want|hope|plan] to [read more|sleep longer|walk to the sea|write again soon|clean the house|learn a new song]
    for [breakfast|lunch|supper] I had [bread and cheese|an egg|warm milk|soup|two apples|cold fish]
    [nothing|not much|a good deal] happened [before noon|after that|in the evening|in the street]
    I [laughed|smiled|sang] [a lot|a little|like a child] [today|at lunch|on the way home]
    my [coat|hat|basket|pen|old chair] is [wet|broken|lost|like new|too small] [again|now|]
    the [tea|soup|bread|milk] was [hot|good|cold|too salty|sweet] and I [ate|took|wanted] [more|little|nothing else]
    I [heard|saw] [a bird|some children|a cart|two cats|the bell] in the [street|garden|yard|distance]
""")

GREETINGS = forms("""
    [thank you|many thanks] for your [letter|card|kind words|last letter] [of Monday|from last week|which came today|]
    your [letter|card] [came|arrived] [today|yesterday|this morning|at last] and [made me glad|I read it twice|I was \
        happy]
    I [hope|trust] that you are well [and warm|and not too busy|this spring|]
    it is [long|too long|some weeks|a month] since I wrote [to you|] [and I am sorry|but I thought of you|]
    I am writing [in the kitchen|by the window|at night|on my knees|in a hurry] [because I have news|as I promised|]
    you asked [for news|me to write|how we live here] [and here it is|so I take my pen|]
    here is [the news|my news|what I know|what I promised to write]
""")

CLOSINGS = forms("""
    [write|answer] [soon|when you can|before winter] and [tell me everything|stay well|think of me]
    [give my love|greetings|say hello] to [everyone|all at home|your mother|the children]
    [come|do come] and [see us|visit me|stay with us] [in spring|before the snow|when you can|soon]
    the [candle|lamp|paper] is [almost gone|nearly out|at its end] [and so I stop|so good night|]
    I must [stop|end] now, [the post goes soon|it is late|the soup is ready|someone is at the door]
    that is all [for today|for now|from here] [and I kiss you|my dear|]
""")

NEWS = forms("""
    the [mayor|council|town] [wants|plans] to [mend|widen|clean|close] the [old road|bridge|river path|market \
        square] [in spring|next week|before winter]
    [three|four|five|ten|twelve] [trees|lamps|benches|signs] [were planted|were set up|were mended] [on Monday|last \
        week|near the river]
    a [cart|wagon|boat|ladder] [fell over|was stolen|broke|was found] [near the bridge|on Tuesday|in the night] and \
        nobody was hurt
    the [choir|band|school class|club] [sang|met|played|danced] on [Sunday|Friday|Saturday] [before a full \
        house|until late|in the rain]
    the price of [bread|milk|flour|coal|fish|eggs] [rose|fell] [again|a little] [this week|in March|since Sunday]
    a [prize|cup|letter of thanks] [went to|was given to] the [youngest|oldest|fastest|best] \
        [runner|singer|reader|swimmer]
    the [market|fair|summer feast] [opens|begins|ends] on [Monday|Friday|Sunday] at [nine|ten|noon]
    [water|smoke|a strange smell] [was seen|was reported] near the [bridge|square|river] [on Sunday|last night|at dawn]
    [forty|fifty|sixty|a hundred] people [came|listened|took part] and [all went home happy|there was cake for \
        all|nobody left early]
    the [town paper|council] [thanks|honours] all who [helped|came|gave something]
    the [old|new] [bell|clock|road sign|well] [works|is in use] [again|at last|since Monday]
    [a lost|one] [glove|purse|hat|ring|child] was [found|brought back] [on the bridge|near the square|before dark]
""")

STEPS = forms("""
    [take|wash|clean|peel|cut] {n} [onions|apples|carrots|potatoes|eggs|plums] [well|with care|first|]
    [boil|heat|warm] [the water|the milk|the butter|a little oil] [slowly|in a pan|in a large pot] [for {n} minutes|]
    [add|stir in|put in] [a little|some|{n} spoons of|a cup of] [salt|sugar|flour|butter|honey|cream]
    [mix|stir|beat] [everything|it all|the dough] [well|slowly|for {n} minutes] [until it is smooth|until it is \
        thick|with a spoon]
    [cook|bake|fry] it [for {n} minutes|until it is brown|until it is soft] [over a small fire|in a hot oven|and do \
        not hurry]
    [cover|turn|taste] it [and wait|now and then|before you go on]
    let it [rest|cool|stand] [for {n} minutes|until morning|by the window|]
    [serve|eat] it [hot|warm|cold] with [bread|cream|a green salad|cheese|a cup of tea]
    it is enough for {n} [people|plates|hungry guests]
    a pinch of [salt|pepper|sugar] makes it [better|taste like home]
    cut the [bread|cheese|meat|dough] into {n} [pieces|parts|slices]
    [keep|put] the rest in a [cold|dark|dry] place [until tomorrow|for two days]
""")

SHOP = forms("""
    [we are|the shop is] open from [seven|eight|nine] to [five|six|noon] [on weekdays|on Saturday|every day but Sunday]
    [fresh|good|cheap|fine] [bread|cloth|candles|soap|fish|nails|paper] [comes in|arrives] [every Monday|twice a \
        week|on Friday]
    [all|most] [goods|prices] are [marked|low|fair] and [nothing is wasted|you may look as long as you like|we wrap \
        with care]
    a [pound|box|bag] of [apples|flour|salt|nails|tea|sugar] costs {n} [coins|pennies]
    [ask|look] for the [spring|summer|winter] [offer|sale] [at the counter|this week|while it lasts]
    you [pay|may pay] [at the counter|in coins|at the end of the month]
    what you [do not like|cannot use] you [may bring back|can change] [within {n} days|before Sunday]
    we [mend|sharpen|clean|sell] [shoes|knives|lamps|hats|clocks] [while you wait|in {n} days|for a small price]
    old [customers|friends] get [a discount|a cup of tea|one more for nothing]
    [young|new|quick] hands are [wanted|welcome] [in the shop|for the season|from Monday]
""")

MANNERS = forms("""
    [smiled|laughed|nodded|looked up|sat down|poured some tea|put on a coat|opened the window|shook {p} head|waited \
        a moment]
    [looked at the sky|rubbed {p} hands|leaned on the wall|cut some bread|stood up|took off {p} hat|thought for a while]
""")

SAID = forms("""
    [said|answered|replied|added|whispered|called|explained|went on]
""")

SMALL_TALK = forms("""
    good [morning|evening|day], my [friend|dear|old friend]
    it is [good|nice|a joy] to see you [again|here|today]
    how are you[ today| this morning|]?
    I am [well|fine|tired|hungry], thank you
    what a [fine|cold|wet|lovely|long] [day|morning|evening]!
    [come in|sit down|stay a while] and [have some tea|rest a little|tell me more]
    I have [an hour|no time|a little time] [today|before dinner|left]
    [that is|this is] [good|strange|sad|great] news
    I [did not know that|had forgotten that|thought so|am glad to hear it]
    [let us|we should] [go|walk on|sit down|talk of other things] [now|together|for a while]
    you are [right|very kind|too good|joking]
    I will [remember it|tell nobody|come again|think about it]
    see you [tomorrow|on Sunday|soon]
    the [tea|soup|bread] is [good|hot|cold] [today|again|]
    my [mother|brother|old aunt] says the same
    do not [worry|hurry|forget your hat|stay out too late]
""")

SUMS = {  # names {N} {M}, numbers {a} {b} {c} with c the result, {x} things counted
    "plus": forms("""
        {N} had {a} {x} and [got|found|bought|was given] {b} more, so {s} had {c}
        {N} had {a} {x}. {S} [got|found|bought] {b} more [from {M}|at the market|]. [Now|Then] {s} had {c} {x}
        {N} had {a} {x} and {M} had {b}. Together they had {c} {x}
        there were {a} {x} on the table. {N} [put|laid] {b} more beside them, and that made {c}
        {N} counted {a} {x} in the morning and {b} in the evening, {c} in all
        {a} {x} and {b} {x} make {c} {x}
        {a} plus {b} is {c}
        {a} and {b} make {c}
        with {a} {x} from {M} and {b} from home, {N} had {c} {x}
        {M} gave {N} {b} {x}. {N} had {a} before, so now {s} had {c}
    """),
    "minus": forms("""
        {N} had {a} {x} and [lost|sold|ate|gave away] {b}, so {s} had {c} left
        {N} had {a} {x}. {S} gave {b} to {M}. [Now|Then] {s} had {c} {x}
        there were {a} {x} in the basket. {N} took {b} out, and {c} [were left|stayed]
        of {a} {x}, {N} [used|sold|lost] {b} and kept {c}
        {a} minus {b} is {c}
        {b} taken from {a} leaves {c}
        {M} took {b} of the {a} {x} that {N} had, and {c} were left
        {N} bought {a} {x} and {b} of them were bad, so {c} were good
        {N} needed {a} {x} and had only {b}. {S} needed {c} more
        {N} had {a} {x} and {M} had {b}, so {N} had {c} more than {M}
    """),
    "times": forms("""
        {N} had {a} [bags|boxes|baskets] with {b} {x} in each, which made {c} {x}
        {a} [children|friends|neighbours] brought {b} {x} each, and so there were {c} {x}
        {a} times {b} is {c}
        {N} bought {b} {x} on each of {a} days, {c} {x} in all
        in each of the {a} rows lay {b} {x}, so {N} counted {c}
    """),
}
COUNTED = words(
    "apples eggs coins books plums nails candles buttons cups letters stones fish onions pears pens nuts flowers hats "
    "spoons ribbons"
)

FEELINGS = forms("""
    {N} was [tired|happy|hungry|glad|sad|curious|in a hurry] [by then|now|]
    {N} [sat down|rested|stood still|looked around] [for a while|for a moment|and thought]
    {N} [ate an apple|drank some water|sang a song|whistled|counted the birds] [on the way|and felt better|]
    [a dog|a bird|the bell|a cart] [could be heard|made a noise] [outside|in the street|far away]
    nobody [said a word|was in a hurry|saw it|else was there]
    the [clock|bell] struck [three|four|five|six|seven|nine|ten]
    {N} [forgot|remembered] [the time|the rain|an old song|what {p} mother had said]
    it was [getting late|still early|almost noon|already dark]
    {N} [laughed|sighed|smiled|yawned|hummed] [softly|and went on|like a child|]
""")

TALE_OPENINGS = forms("""
    [one|on a] [cold|warm|bright|grey|quiet|windy] [morning|day|evening|afternoon] in {T}, {N} had a plan
    [it was|this happened on] [Monday|Tuesday|market day|a Sunday|the first day of spring] and {N} had [much to \
        do|nothing to do|an idea]
    [this is|here is] [the|a] story of {N} and {M}
    {N} and {M} [were bored|wanted to help|had a bet|could not sleep|made a plan]
    [long ago|last year|not long ago|last winter], {N} and {M} [had a strange day|lost their way|wanted to surprise \
        the town]
    {N} woke [early|late|before the birds] and [looked for {M}|thought of {M}|had a good idea]
    [everybody|the whole town] was [busy|asleep|at the fair], only {N} [was not|had no rest]
""")

TALE_ENDINGS = forms("""
    [so|and so] the day ended, and [all|they] went home [tired|happy|in the dark|singing]
    {N} [never forgot|often spoke of|laughed about] that [day|evening|strange day]
    that was the [end|whole story], and {M} still [tells it|laughs about it]
    then it was [night|dark|time for bed] and the town [slept|was still]
    [everyone|everybody] was [content|glad|tired], and {N} most of all
    and if [nobody has moved it|nothing has changed|nobody tells it better], {N} [remembers it|talks of it|laughs \
        about it] to this day
""")

THEN = forms("""
    then
    after that,
    soon
    [a little|a moment|an hour|some time] later,
    in the [morning|afternoon|evening],
    at [noon|last|once],
    [next|meanwhile|by and by|without a word|the next day],
    [when the bell rang|before long|as it grew late|as soon as it was light],
""")
