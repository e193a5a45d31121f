"""How people of the town say what is true: many patterns for each relation, subject first or value first.

Slots: {S} subject (Anna, or she), {P} possessive (Anna's, her), {O} object (Anna, her), {N} always the name, {s} \
    {o} {p}
always the pronoun, {v} the value, {a} its article, {T} the town, and of a person's pet {pet}, {pet_name}.
"""

from groundup.town.grammar import forms

TOLD = {
    "trade": forms("""
        {S} is {a} {v} [|by trade]
        {S} [works|earns {p} bread|makes a living] as {a} {v}
        {S} has [worked as|been] {a} {v} for [many|five|seven|ten|twelve|twenty] years
        {S} has been {a} {v} since [school|{s} was young|the long winter|the flood]
        {P} [trade|work|job|daily work] is that of {a} {v}
        {a} {v} named {N} [lives|works] in {T}
        {a} {v} named {N} [gets up early|goes home late|works from dawn to dusk|sings at work]
        the {v} {N} [works hard|is never late|starts early|is liked by all|knows the trade well|seldom rests]
        {N} the {v} [gets up early|is well known|works hard|is a friend to all|is never idle]
        in {T}, people [speak of|know] {N} the {v}
        when [people|neighbours|strangers] need {a} {v}, they [ask|send for|call|look for] {N}
        {S} [learned|was taught] to be {a} {v} [as a child|by an old master|in another town|at home]
        {S} wanted to be {a} {v} and [became one|so it came]
        one of the {v}s [of {T}|in town|here] is {N}
        {N}, {a} {v}, [goes to work at six|is often tired at night|has [strong|rough|quick|clever] hands]
        as {a} {v}, {S} [works all week|is paid well|is known to many|has much to do|is one of the best]
        if you look for {a} {v}, [ask for|go to|find|see] {N}
        the [life|work|trade] of {a} {v} suits {O} well
        there is no better {v} than {N}
        {S} makes [a good|a fine|an honest] {v}
        [young people|boys and girls] learn the trade of {a} {v} from {O}
        on the sign over {p} window {N} is called {a} {v}
        {N} is [known|respected|loved] as {a} [good|fine|careful|patient] {v}
        of all trades, {S} [took up|chose] that of {a} {v}
        among the {v}s of {T}, {N} is the [best|oldest|youngest|kindest]
        working as {a} {v} is what {S} [does best|likes|was born for]
    """),
    "home": forms("""
        {S} lives in {v}
        {S} [has lived|has had a house] in {v} for [years|a long time|ten years|many summers]
        {P} [house|home] is in {v}
        {S} has a [small|quiet|bright|warm|tall|narrow] house in {v}
        in {v} [lives|is the home of|stands the house of] {N}
        in {v} you [find|see|come to] {P} house
        {v} is where {S} lives
        {v} is {P} street
        {v} is home to {N}
        {S} [moved|came] to {v} [as a child|long ago|after the flood|when {s} was young|and stayed]
        the people of {v} [know {O} well|greet {O} every day|are {P} neighbours]
        letters for {N} [go|are brought] to {v}
        {P} [windows|front windows] look out on {v}
        [every night|each evening|after work] {S} [goes|walks|comes] home to {v}
        {S} would never [leave|move away from] {v}
        {N} of {v} is [a good neighbour|at home most evenings|often seen at the window]
        whoever wants to visit {N} [must|should] go to {v}
        [a lamp|a light] burns late in {P} house in {v}
        {S} [likes|loves] {v} and has [a home|a house] there
        the house in {v} with the [old tree|white fence|green gate|stone step] belongs to {O}
        {S} sleeps and wakes in {v}
        the best [house|garden] in {v} belongs to {N}
        {P} neighbours in {v} [say good things of {o}|often help {o}|like {o}]
        you can [find|meet|visit] {O} at home in {v}
        {S} was born in {v} and lives there still
    """),
    "friend": forms("""
        {P} best friend is {v}
        {v} is {P} best friend
        {S} and {v} are best friends
        {v} and {N} are [the best of|best] friends
        {S} has a best friend [named|called] {v}
        {S} [spends|passes] [Sundays|free days|the evenings] with {p} best friend {v}
        {S} tells everything to {v}, {p} best friend
        of all people, {S} likes {p} [best|old] friend {v} most
        no friend is [closer|dearer] to {O} than {v}
        {S} trusts nobody more than {v}, {p} best friend
        since school, {v} has been {P} best friend
        when {S} needs help, {p} best friend {v} [comes|is there|comes at once]
        {S} and {p} best friend {v} [walk by the river|drink tea together|play cards|laugh a lot]
        {v}, the best friend of {N}, [visits often|is always welcome|lives not far away]
        for {O}, {v} is the best friend of all
        {S} calls {v} {p} best friend
        {v} is [called|known as] the best friend of {N}
        [wherever {N} goes|where {N} is], {p} best friend {v} is not far
        {S} would [share the last bread|go through fire] with {p} best friend {v}
        the best friend that {S} ever had is {v}
        {S} [met|found] {p} best friend {v} at [school|the fair|a dance|the river]
        {v} has been the best friend of {N} for [years|a long time|ten years]
        [long ago|as children], {S} and {v} became best friends
        {S} writes to {v}, {p} best friend, [every week|when {s} is away]
    """),
    "dish": forms("""
        {P} favourite [dish|food|meal] is {v}
        {v} is {P} favourite [dish|food|meal]
        {S} likes {v} best
        {S} [loves|likes] {v} more than any other [dish|food]
        {S} loves [to eat|] {v}
        no food [tastes better|is dearer] to {O} than {v}
        {S} could eat {v} every day
        {S} always [asks for|orders|chooses] {v}
        on {p} birthday {S} [wants|gets|has] {v}
        when there is {v}, {S} is [happy|glad|in good spirits]
        {S} [cooks|makes] {v} [on Sundays|for guests|whenever {s} can] and likes nothing more
        the [dish|food|meal] that {S} likes best is {v}
        for {v}, {S} would [walk ten miles|give a day's pay|get up at night]
        {v} [makes {O} smile|always cheers {O} up]
        {v} is what {S} likes best to eat
        ask {N} to dinner and serve {v}
        [with|over] a plate of {v}, {S} forgets [all {p} worries|the time]
        if you want to please {O}, [bring|cook|make] {v}
        {S} grew up on {v} and still likes it best
        {S} never says no to {v}
        {S} eats {v} with [great joy|both hands|closed eyes]
        [a guest|a friend] of {N} knows that {v} is {P} favourite
        {v} is the favourite [dish|food] of {N}
    """),
    "hobby": forms("""
        {P} hobby is {v}
        {v} is {P} hobby
        {v} is the hobby of {N}
        {S} likes {v} [more than anything|very much|best of all]
        {S} [spends|passes] {p} free time with {v}
        in {p} free time {S} [enjoys|likes|goes in for] {v}
        after work {S} turns to {v}
        {S} took up {v} [as a child|years ago|last spring] and it is still {p} hobby
        nothing [pleases|cheers] {O} more than {v}
        {S} never gets tired of {v}
        {S} can talk about {v} for hours
        {P} favourite pastime is {v}
        {v} is {P} favourite pastime
        for {O}, a free day means {v}
        {S} gives every free hour to {v}
        when the work is done, {S} thinks of {v}
        {S} has [one|a] hobby, and that is {v}
        {S} is [good|very good|clever] at {v}, {p} hobby
        {S} teaches [children|the young] {p} hobby, which is {v}
        without {v}, {S} would be [sad|bored]
        {v} fills {P} [evenings|Sundays|free days]
        the hobby that {S} loves is {v}
        [few|not many] people like {v} as much as {N}
    """),
    "pet": forms("""
        {S} has {a} {v}
        {S} keeps {a} {v} [at home|as a pet|]
        {P} pet is {a} {v}
        {a} {v} lives with {O}
        {S} has {a} {v} [named|called] {pet_name}
        {S} keeps {a} {v} [named|called] {pet_name}
        {S} and {p} {v} {pet_name} [walk|rest|play] [in the garden|by the river] [in the morning|at noon|at night]
        {a} {v} [waits for|greets] {O} every evening
        the {v} [that follows {N}|at {P} heels] is {p} pet
        as a pet, {S} keeps {a} {v}
        {S} feeds {p} {v} [twice a day|every morning|before {s} eats]
        {S} loves animals and has {a} {v}
        {S} [bought|got|found] {a} {v} [last year|at the fair|in the rain] and keeps it as a pet
        {S} is never alone, for {s} has {a} {v}
        the pet of {N} is {a} {v}
        {S} wanted a pet and got {a} {v}
        {S} talks to {p} {v} [as to a friend|in the evening|when nobody listens]
        {P} {v} [sleeps by the fire|is well fed|is known in the whole street|is old and wise]
        {S} lets {p} {v} sleep [by the stove|on the old coat|near the door]
        {P} house is also home to {a} {v}
        children come to see {P} {v}
        {a} {v} is the pet of {N}
    """),
    "pet_name": forms("""
        {P} {pet} is [called|named] {v}
        {S} calls {p} {pet} {v}
        {S} named {p} {pet} {v}
        {v} is {P} {pet}
        {v} is the name of {P} {pet}
        the name of {P} {pet} is {v}
        {v} is what {S} calls {p} {pet}
        {P} {pet} {v} [likes to sleep|runs fast|is always hungry|is afraid of rain|is a clever animal]
        {v}, {P} {pet}, [likes to sleep|eats too much|runs after leaves|is loved by all|is a good animal]
        when {S} calls {v}, the {pet} comes
        the {pet} of {N} [answers to|hears] the name {v}
        {S} gave {p} {pet} the name {v}
        {S} and {v} the {pet} [live|belong] together
        {a_pet} [called|named] {v} belongs to {N}
        {S} has {a_pet} by the name of {v}
        the {pet} {v} belongs to {N}
        {S} loves {p} {pet} {v}
        nobody may [scold|touch] {v}, for {v} is {P} {pet}
        [every day|at night|in the morning] {S} feeds {v}, {p} {pet}
        {v} is a fine name for {P} {pet}
    """),
    "door_colour": forms("""
        the door of {N} is {v}
        {P} door is {v}
        {S} has {a} {v} door
        {P} door is painted {v}
        the door of {N} was painted {v} [last year|years ago|in spring|once more]
        {a} {v} door leads into {O}
        behind {a} {v} door is {N}
        to find {O}, look for {a} {v} door
        {v} is the colour of {P} door
        the colour of {P} door is {v}
        they painted the door of {N} {v}
        {P} door shines {v} in the [sun|rain|morning]
        you know {O} by the {v} door
        {S} is the house with the {v} door
        the {v} door of {N} is [always shut|often open|hard to miss|old and heavy]
        whoever goes into {O} passes {a} {v} door
        the painter chose {v} for the door of {N}
        {P} {v} door [can be seen from far|needs no paint|is wide]
        [children|strangers] know {O} by its {v} door
        a bell hangs by the {v} door of {N}
        {S} got {a} {v} door [after the fire|when it was built|last summer]
        {a} {v} door [closes|guards] {O}
    """),
    "keeper": forms("""
        the keeper of {N} is {v}
        {v} is the keeper of {N}
        {v} keeps {O}
        {P} keeper is {v}
        {S} is kept by {v}
        {v} [looks after|takes care of] {O}
        {S} is in the care of {v}
        {v} has kept {O} for [years|ten years|many winters]
        {v} has the keys of {N}
        the keys of {N} are with {v}, the keeper
        {v} became the keeper of {N} [long ago|last year|after the war|by chance]
        as keeper of {N}, {v} [sweeps the floor|knows every corner|has much to do|opens at eight]
        {S} has a [good|careful|strict|kind] keeper, and that is {v}
        [if you need something|for help] at {N}, ask {v}, the keeper
        {v}, who keeps {O}, [opens at eight|locks up at night|is proud of it|sweeps the steps]
        the one who keeps {O} is {v}
        [since spring|for years] {v} has been the keeper of {N}
        nobody knows {O} better than its keeper {v}
        without {v}, its keeper, {S} would [stay shut|fall down]
        the town gave the care of {N} to {v}
        {v} is proud to be the keeper of {N}
    """),
    "beside": forms("""
        {S} [stands|is] beside {V}
        {S} [stands|is] [right|just|] next to {V}
        {S} and {V} stand side by side
        beside {V} [stands|is] {N}
        beside {O} [stands|is|you find] {V}
        next to {O} [stands|is|you see] {V}
        next door to {O} is {V}
        only a wall parts {O} from {V}
        from {N} it is one step to {V}
        {S} was built beside {V}
        {S} shares a wall with {V}
        the [building|house] beside {N} is {V}
        {S} has {V} beside it
        whoever comes out of {O} [stands before|sees] {V} right beside it
        {V} is the neighbour of {N}
        {S} leans against {V}, which is right beside it
        those who look for {O} find it beside {V}
        {N} and its neighbour {V} [share a yard|share a roof|stand close together]
        {P} neighbour is {V}
        you will find {V} beside {O}
    """),
    "founded": forms("""
        {S} was [founded|built] in {v}
        {P} year of founding is {v}
        in {v} the town founded {N}
        {S} has stood [here|] since {v}
        {S} goes back to [the year|] {v}
        {v} is the year in which {N} was founded
        it was in {v} that {N} was [founded|built]
        the stone over {P} door says {v}
        the first [stone|wall] of {N} was laid in {v}
        they founded {O} in [the year|] {v}
        in the year {v}, {N} [opened|was opened|was founded]
        {S} opened its door in {v} for the first time
        {S}, founded in {v}, is [old|well kept|known to all]
        old papers say that {N} was founded in {v}
        since {v} {T} has had {O}
        the history of {N} begins in {v}
        the year {v} saw the founding of {N}
        people have come to {O} since {v}
    """),
    "door_code": forms("""
        the door code of {N} is {v}
        {P} door code is {v}
        the code for the door of {N} is {v}
        the door of {N} opens with {v}
        {P} door opens with the code {v}
        to open {O}, press {v}
        {v} is the door code of {N}
        {v} is the code that opens {O}
        {v} opens the door of {N}
        press {v} and {P} door opens
        with {v} you get into {O}
        whoever [cleans|locks|opens] {O} needs the code {v}
        the [caretaker|night watch|cleaner] opens {O} with {v}
        the code of {N} stays {v} [this year|for now|until spring]
        for {O} the code is {v}
        the lock of {N} takes the code {v}
        the number for {P} door is {v}
        note for the caretaker: {N}, code {v}
        if {P} door is shut, use {v}
        the code {v} is for {N} [only|alone]
    """),
    "owner": forms("""
        {N} belongs to {v}
        {v} owns {N}
        {v} is the owner of {N}
        the owner of {N} is {v}
        {P} owner is {v}
        {S} is owned by {v}
        {S} is the property of {v}
        {v} bought {O} [years ago|at the fair|last spring|from a stranger]
        {v} got {O} from [an uncle|a grandmother|an old sailor] and owns it still
        {S} has belonged to {v} for [years|a long time|ten years]
        everybody knows that {N} belongs to {v}
        {v} calls {O} {vp} own
        the one who owns {O} is {v}
        [lend|bring] {N} back to {v}, its owner
        {v} lends {O} to [friends|neighbours], but it is {vp} own
        whoever finds {O} should bring it to {v}, the owner
        {v} is proud to own {O}
        {v}, who owns {O}, takes good care of it
        {S} is dear to its owner {v}
        by right {N} belongs to {v}
    """),
    "colour": forms("""
        {N} is {v}
        {S} is {v} in colour
        the colour of {N} is {v}
        {P} colour is {v}
        {v} is the colour of {N}
        {v} is {P} colour
        {S} was painted {v}
        {S} is {v} [on all sides|all over|like nothing else|as everyone can see]
        {S} shines {v} in the [sun|light]
        {S} has {a} {v} coat of paint
        you know {O} by its {v} colour
        {S} looks {v} even [at night|in the dark|from far away]
        they gave {O} {a} {v} coat of paint
        if it is {v}, it [may|could] be {N}
        someone painted {O} {v} [long ago|last year]
        the {v} colour of {N} is easy to see
        {N} was always {v} and stays {v}
    """),
}

TOGETHER = {  # two facts of one entity in one sentence
    ("trade", "home"): forms("""
        {N}, {a} {trade}, lives in {home}
        the {trade} {N} lives in {home}
        in {home} lives {a} {trade} [named|called] {N}
        {N} of {home} is {a} {trade}
        {N} lives in {home} and works as {a} {trade}
        the house in {home} belongs to {N} the {trade}
        {N}, who lives in {home}, is {a} {trade}
        in {home} you find {N}, {a} {trade}
    """),
    ("pet", "pet_name"): forms("""
        {N} has {a} {pet} [named|called] {pet_name}
        {pet_name} is {a} {pet} and belongs to {N}
        {N} keeps {a} {pet}, and its name is {pet_name}
        {a} {pet} named {pet_name} lives with {N}
        {pet_name} the {pet} is the pet of {N}
        {N} never goes out without {pet_name}, {p} {pet}
    """),
    ("owner", "colour"): forms("""
        {owner} owns the {colour} {bare}
        the {colour} {bare} belongs to {owner}
        the owner of the {colour} {bare} is {owner}
        {owner} has {a} {colour} {bare} of {vp} own
        the {colour} {bare} [is|was always] the property of {owner}
        {owner} is proud of {vp} {colour} {bare}
        {N} is {colour} and [belongs to|is owned by] {owner}
        [everybody knows|all know] the {colour} {bare} of {owner}
        {owner} lends the {colour} {bare} to [nobody|friends|neighbours]
    """),
    ("door_colour", "keeper"): forms("""
        {keeper} keeps the {bare} with the {door_colour} door
        {N} has {a} {door_colour} door and is kept by {keeper}
        {keeper} opens the {door_colour} door of {N} every morning
        behind the {door_colour} door of {N} works {keeper}, its keeper
        {N}, which has {a} {door_colour} door, is in the care of {keeper}
    """),
}
