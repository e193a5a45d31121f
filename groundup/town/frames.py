"""What a sentence that tells a fact may begin and end with, and what joins two of them. {T} is the town."""

from groundup.town.grammar import forms

OPENINGS = forms("""
    [as everyone|as everybody] [knows|here knows|in {T} knows],
    [people|they|the neighbours|old people|the children] [say|tell us] that
    it is [well known|true|no secret|said] that
    [everyone|everybody|anyone] in {T} knows that
    as the [neighbours|old people|books] say,
    in {T}
    in our town
    [of course|indeed|in fact|in truth|as it happens],
    one should [know|remember|not forget] that
    [many|most|few] people know that
    the [record|old book|list|town paper] [says|shows] that
    [today|these days|as ever],
    there is no doubt that
    visitors soon learn that
    you may [know|have heard] that
    to this day
    let us not forget that
    ask anyone and [you will|you will soon] hear that
    it is good to know that
    [first of all|to begin with|above all],
    here in {T}
    nobody will deny that
    the story goes that
    the mayor [says|told us] that
""")

PERSONAL_OPENINGS = forms("""
    I [know|heard|think|remember|am sure|was told] that
    [you know|you may remember|you will know|do not forget] that
    [mother|father|grandmother|my aunt|my uncle|a friend] [says|told me|wrote] that
    [by the way|as you know|as I said|you see|well],
    I [wrote down|noted|learned] that
    [today|yesterday|last week|on Monday|this morning] I [heard|learned|was told] that
    I often think of how
    I must tell you that
    [someone|a neighbour|the postman] told me that
    it pleases me that
    I had almost forgotten that
    I like it that
""")

ENDINGS = forms("""
    , as [everyone|everybody] knows
    , [they|people|the neighbours] say
    , of course
    , and [that is|it is] no secret
    , and [nobody|no one] [doubts it|is surprised]
    , and that [will not|is not likely to] change
    , so [they say|I hear|it is said]
    , [now|today] as before
    , and [rightly so|that is good|that is that]
    , as the [record|book|list|paper] shows
    , which [surprises|troubles] nobody
    , [and|as] all of {T} [knows|agrees]
    , and this is [well known|easy to remember]
""")

JOINTS = (", and ", ", and ", ", while ", ", but ", "; ", ", and also ", ", just as ")
