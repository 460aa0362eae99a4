//! Templates of event summaries: generated data of a catalog.

/// A segment of a summary template.
#[derive(Debug)]
pub(crate) enum SummarySegment {
    /// Literal Markdown.
    Text(&'static str),
    /// A field of the event.
    Field(SummaryField),
    /// The value of the payload at a JSON Pointer.
    At(&'static str),
    /// Segments that are omitted if one of their values is missing.
    Optional(&'static [SummarySegment]),
    /// The first segment that has a value.
    First(&'static [SummarySegment]),
}

/// A field that a summary template can refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SummaryField {
    Actor,
    Environment,
    Level,
    Project,
    Subject,
    Type,
}
