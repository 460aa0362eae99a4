//! Phrases that `docs/style.md` bans, each with its replacement.
//!
//! A pattern is a regular expression that ignores case and matches whole words. Line breaks in a text are spaces. Of a
//! pattern with a group, only the group is reported. Add a phrase here when a review finds one that readers stumble over.

/// A banned phrase.
pub(super) struct Phrase {
    /// The phrase, as a regular expression.
    pub(super) pattern: &'static str,
    /// Longer phrases that contain it and are fine. Empty if there are none.
    pub(super) unless: &'static str,
    /// What to write instead.
    pub(super) instead: &'static str,
}

const fn phrase(pattern: &'static str, instead: &'static str) -> Phrase {
    Phrase { pattern, unless: "", instead }
}

const fn phrase_unless(pattern: &'static str, unless: &'static str, instead: &'static str) -> Phrase {
    Phrase { pattern, unless, instead }
}

/// Phrases that are banned everywhere.
pub(super) const PHRASES: &[Phrase] = &[
    // Telling.
    phrase("(?:is|are|be|been|being|was|were) told", "is reported, logged, recorded or documented; \"receives\""),
    phrase("told (?:of|that|about|again|twice|once|here)", "reported, logged, recorded"),
    phrase("tell(?:s|ing)? of", "reports, logs, emits"),
    phrase("(?:is|are|be|been|was|were) said(?: to)?", "is documented, is reported; \"apparently\""),
    phrase("says? (?:so|of itself|of themselves|no|yes)", "reports, documents, rejects, accepts"),
    phrase("(?:hears?|heard) of", "is notified of, sees"),
    // Again, also, needlessly.
    phrase("anew", "again"),
    phrase("besides", "also, in addition, apart from"),
    phrase("in vain", "needlessly, without effect"),
    phrase("at once", "immediately; concurrently; in one request"),
    phrase("lately", "recently"),
    phrase("mend(?:s|ed|ing)?", "fix"),
    phrase("as it is(?: (?:sent|deployed|stored|written|read|kept))?(?:[.,;:)]|$)", "unchanged, verbatim"),
    phrase("as they (?:are|were|stand)(?:[.,;:)]|$)", "unchanged, verbatim"),
    phrase("as things stand", "in the current state"),
    phrase("for good", "permanently, forever"),
    // Quantities.
    phrase_unless(
        "so (?:many|much|few|little|often)",
        "so (?:often|many|much) that",
        "N, the given number of, this often",
    ),
    phrase("as (?:many|much|few|often) as (?:it|they|there)", "the same number of, every time"),
    phrase("how (?:much|many) (?:there (?:is|are)|of it)", "the number of …"),
    // Negation.
    phrase_unless(
        "(?:is|are|was|were|be) no",
        "(?:is|are|was|were|be) no (?:longer|more than|less than|fewer than|later than|earlier than|larger than|one)\
         |there (?:is|are|was|were|may be|must be|can be|would be|will be|should be) no",
        "is not a(n); is invalid; there is no …",
    ),
    phrase("(?:is|are|was|were|be) (?-i:none)", "does not exist; there are no …"),
    phrase("(?:has|have|had) (?-i:none)", "has no …"),
    phrase("nothing but", "only"),
    phrase("nobody(?:'s)?|somebody(?:'s)?", "no caller, nothing, someone; name the actor"),
    // Where data is.
    phrase_unless(
        "st(?:ands?|ood|anding) (?:in|for|at|here|there|beside|on|under|below|above|behind|before|twice|alone|where|first|among|still)",
        "st(?:ands?|ood) for (?-i:[A-Z])",
        "is, is stored, is in, represents",
    ),
    phrase(
        "(?:lies|lie|lay|lying) (?:in|at|on|under|beside|there|here|below|behind|before|between|where)",
        "is, is stored, is located",
    ),
    phrase("where (?:it|they|something|segments|events) (?:lies?|stands?)", "where it is stored; its location"),
    // Continuing and finishing.
    phrase("(?:goes|go|went|gone|going) on", "continues"),
    phrase("(?:is|are|be|been) (?:over and )?done with", "is finished, is acknowledged"),
    phrase("bec(?:omes?|ame|oming|ome) of", "the outcome of, the status of"),
    phrase("comes? to nothing", "has no effect"),
    // People and things.
    phrase("whoever|whomever|whosoever", "name the actor: the caller, the producer, the operator"),
    phrase("a thing|the thing|some thing", "name it: a subject, an item, a value"),
    phrase("one's own", "your own; its own"),
    phrase("the former", "the previous"),
    phrase("dear(?:er|est)?", "expensive, costly"),
    phrase("thereof|therein|thereby|whereof|wherein|whence|thence|hence", "of it, in it, so"),
    phrase("ought", "should"),
    // Literal translations.
    phrase("(?:can(?:not)?|could|to) be had", "is (not) available"),
    phrase("takes? the place of", "replaces"),
    phrase("(?:is|are|be) at work", "is running, is processing"),
    phrase("hold(?:s|ing)? (?:it|them|one|each|both|the [a-z]+|what [a-z ]+) against", "compares … with"),
    phrase("(?:is|are|be|been|was) held against", "is compared with"),
    phrase("(?:is|are|be|been|was|were) (?:made|done) of (?:it|them|that|what)", "is built from"),
    phrase("speaks? (?:no|another|TLS|HTTP)", "supports, uses"),
    phrase("(?:is|are|be) of no use", "is not useful"),
    phrase("makes? (?:it|them) known", "publishes, reports"),
    phrase("does without|do without", "does not use, does not need"),
    phrase("by (?:AWS's|its|their|your) word", "according to"),
    phrase("by the means of", "with"),
    phrase("(?:is|are|be) let (?:in|through|go)", "is accepted, is released"),
    phrase("look(?:s|ed|ing)? like any other", "is indistinguishable"),
    phrase("(?:is|are) (?:another|an other)(?:[.,;:)]|$)", "differs"),
    phrase("for want of", "because … is missing"),
    phrase("(?:is|are) to (?:be )?(?:blame|hand)", "caused it; is available"),
    phrase("at (?:the )?worst|at (?:the )?best", "at most, at least; in the worst case"),
    phrase("from here on", "from this point"),
    phrase("way(?:s)? of (?:its|their) own", "its own …"),
    phrase("not (?:a )?(?:one|any) of them", "none of them"),
    phrase("the other way (?:a)?round", "the reverse"),
];

/// Openings of a comment or a description: it begins with a clause that lacks its noun.
pub(super) const OPENINGS: &[Phrase] = &[
    phrase(
        "^(?-i:What|Whatever|Who|Whom|Whose|Whoever|Whether|How|Why|Which|Where|When)",
        "begin with a noun (\"Sources that …\", \"Time of …\") or a verb (\"Returns …\")",
    ),
    phrase(
        "^(?-i:Of|From|By|For|To|In|At|On|With|Until|Under|Behind|Between) (?:what|which|whom|whose|where|when|how)",
        "begin with a noun (\"Sources that …\") or a verb (\"Returns …\")",
    ),
    phrase("^(?-i:That|So) (?:[a-z]+ )?(?:is|are|has|may|can|does)", "name the noun"),
];

/// Openings of any sentence within a comment or a page.
pub(super) const SENTENCES: &[Phrase] = &[phrase_unless(
    r"\S*[.!?] ((?-i:What|Who|Whose|Whom|Of (?:what|which|whom)|From (?:what|which)) [^.?!]*[.!])",
    "",
    "name the noun: \"Rejected events are kept\" instead of \"What was refused is kept\"",
)];

/// Whole descriptions that say nothing.
pub(super) const LONE_WORDS: Phrase = phrase(
    "^(?:those|these|that|this|it|they|them|one|ones|when|why|who|what|where|how|which one|which|the time|the one|of those|\
     of it|both|all|all of them|none|its own|yes|no|the same|so)(?: [a-z]+)?[.]$",
    "name the noun: \"Time of the last attempt.\"",
);
