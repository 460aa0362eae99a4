//! `GET /v1/timeline`: what happened within a few hours, in groups of what happened together.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::State as Shared;
use events::EventId;
use jiff::{SignedDuration, Timestamp};
use model::{Field, SearchFilter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use search::{MAX_UNITS, SearchRequest};
use serde::Serialize;
use web::{Params, Problem, Read, invalid_parameter, quoted};

use crate::State;
use crate::cursor;
use crate::highlights::highlights;
use crate::room::{JSON, Room, written};
use crate::search::MAX_TIME;
use crate::tally::Tally;
use crate::view::Moment;
use web::filters;

/// The longest window.
const LONGEST: SignedDuration = SignedDuration::from_hours(48);

/// The shortest span that can be asked for by its length.
const SHORTEST: SignedDuration = SignedDuration::from_mins(30);

/// The most events of an answer: more could not be told apart.
const MAX_EVENTS: usize = 2000;

/// Events that are closer together than this part of the window are one group.
const TOGETHER: i32 = 100;

/// What happened in a window of time.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Timeline {
    /// The window's first moment.
    from: Timestamp,
    /// The window's end, which does not belong to it.
    to: Timestamp,
    /// What happened together, the oldest first.
    groups: Vec<Group>,
    /// How many events the groups have.
    count: usize,
    /// Whether there is more than is shown. Left out where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    /// From when on nothing is left out; of a page with a `cursor`, but what those before it had. It is `from`, unless
    /// there is more.
    complete_from: Timestamp,
    /// The `cursor` to go on with, to what happened before; null where nothing is left out.
    next: Option<String>,
}

/// Events that are closer together than a hundredth of the window.
#[derive(Debug, Serialize, JsonSchema)]
struct Group {
    /// When the first of them happened.
    start: Timestamp,
    /// When the last of them happened.
    end: Timestamp,
    /// How many there are.
    count: usize,
    /// How many there are of each type.
    types: BTreeMap<String, usize>,
    /// The events, the oldest first.
    events: Vec<Moment>,
}

/// `GET /v1/timeline`.
pub(crate) async fn read(Shared(state): Shared<State>, _: Read, params: Params) -> Result<Json<Timeline>, Problem> {
    let types = params.list("types")?;
    let any = if types.is_empty() { highlights() } else { Vec::new() };
    let filter = filters::with_any_environment(filters::parse_fields(&params)?).and(Field::Type, types);
    let canonical = filters::canonical(&params, &filter, false) + params.get("span").unwrap_or_default();
    let (after, now) = match params.get("cursor") {
        Some(cursor) => goes_on(cursor, &canonical).map(|(after, now)| (Some(after), now))?,
        None => (None, to_microseconds(runtime::now())),
    };
    let (from, to) = window(&params, &filter, now)?;
    let filter = SearchFilter { from: Some(from), until: Some(to), any, ..filter };
    let (mut moments, next) = read_window(&state, filter, after).await?;
    moments.sort_by_key(|moment| (moment.time, moment.id));
    let together = to.duration_since(from) / TOGETHER;
    Ok(Json(Timeline {
        from,
        to,
        count: moments.len(),
        groups: group(moments, together),
        partial: next.is_some(),
        complete_from: next.map_or(from, |next| complete_from(next).clamp(from, to)),
        next: next.map(|next| cursor::of_positions([next.as_u64(), microseconds(now)], &canonical)),
    }))
}

/// Where a cursor goes on, and the moment that its window ends at where nothing says another.
fn goes_on(cursor: &str, canonical: &str) -> Result<(EventId, Timestamp), Problem> {
    let [id, now] = cursor::positions(cursor, canonical)?;
    let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_microsecond(now).ok());
    EventId::from_u64(id).zip(now).ok_or_else(cursor::of_another_search)
}

/// A moment as a cursor has it.
fn microseconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_microsecond()).unwrap_or_default()
}

fn to_microseconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}

/// From when on there is everything, where that is so of the events with a higher id: theirs is of the millisecond in
/// which they happened, or of one after it.
fn complete_from(id: EventId) -> Timestamp {
    id.time().checked_add(SignedDuration::from_millis(1)).unwrap_or(Timestamp::MAX)
}

/// Whether an answer has room for a moment, in a group of its own.
fn fits(room: &mut Room, moment: &Moment) -> bool {
    // Its times, and the names of its members.
    const GROUP: usize = 300;
    // The type stands among the group's too.
    room.takes(written(&(moment, &moment.r#type)).get().as_bytes(), GROUP)
}

/// The newest events of the window, as many as there is room for, and where to go on for the others.
async fn read_window(
    state: &State,
    filter: SearchFilter,
    after: Option<EventId>,
) -> Result<(Vec<Moment>, Option<EventId>), Problem> {
    let deadline = Some(Instant::now() + MAX_TIME);
    let mut search = SearchRequest { filter, after, max_bytes: 16 << 20, deadline, ..SearchRequest::default() };
    let (mut moments, mut room, mut units) = (Vec::new(), Room::new(JSON), 0.0);
    let tally = Tally::new("timeline");
    let (read, next) = 'pages: loop {
        search.limit = MAX_EVENTS - moments.len();
        let page = state.log.search(&search).await?;
        units += page.stats.units;
        for moment in page.events.into_iter().map(Moment::new) {
            if !fits(&mut room, &moment) {
                break 'pages (page.stats.read, moments.last().map(|last: &Moment| last.id));
            }
            moments.push(moment);
        }
        // It may have ended because of the bytes of its payloads, which are not answered.
        let spent = page.partial || units >= MAX_UNITS || moments.len() >= MAX_EVENTS;
        search.after = page.next;
        if spent || page.next.is_none() {
            break (page.stats.read, page.next);
        }
    };
    tally.log(read, moments.len(), units, next.is_some());
    Ok((moments, next))
}

/// The window that is asked for: by both ends, or by its span and one end or none.
fn window(params: &Params, filter: &SearchFilter, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let span = params.parse("span", "30m to 48h, as 90m, 6h or 2d", span)?;
    let ends = match (filter.from, filter.until) {
        (Some(_), Some(_)) if span.is_some() => return Err(span_and_ends()),
        (Some(from), Some(to)) => (from, to),
        // Beyond what can be told, nothing happens.
        (Some(from), None) => (from, from.checked_add(span.unwrap_or(LONGEST)).unwrap_or(Timestamp::MAX)),
        (None, to) => {
            let to = to.unwrap_or(now);
            (to.checked_sub(span.unwrap_or(LONGEST)).unwrap_or(Timestamp::MIN), to)
        }
    };
    // Both ends belong to what was asked for.
    let longest = LONGEST + SignedDuration::from_nanos(1);
    let given = |name| params.get(name).unwrap_or_default();
    if ends.1.duration_since(ends.0) > longest { Err(longer(given("from"), given("to"))) } else { Ok(ends) }
}

/// A span: a whole number of minutes, hours or days.
fn span(value: &str) -> Option<SignedDuration> {
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let number: i64 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    let minutes = number.checked_mul(match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    })?;
    let minutes = Some(minutes).filter(|minutes| *minutes <= LONGEST.as_mins())?;
    Some(SignedDuration::from_mins(minutes)).filter(|span| *span >= SHORTEST)
}

/// The events, oldest first, as groups.
fn group(moments: Vec<Moment>, together: SignedDuration) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for moment in moments {
        let time = moment.time;
        let near = |group: &&mut Group| time.duration_since(group.end) < together;
        let group = match groups.last_mut().filter(near) {
            Some(group) => group,
            None => {
                let (types, events) = (BTreeMap::new(), Vec::new());
                groups.push(Group { start: time, end: time, count: 0, types, events });
                let last = groups.len() - 1;
                &mut groups[last]
            }
        };
        group.end = time;
        group.count += 1;
        *group.types.entry(moment.r#type.clone()).or_default() += 1;
        group.events.push(moment);
    }
    groups
}

/// The problem of a window that is too long.
pub(crate) fn too_long() -> Problem {
    longer("2026-05-01", "2026-05-03")
}

fn longer(from: &str, to: &str) -> Problem {
    let (from, to) = (quoted(from), quoted(to));
    invalid_parameter(
        "from",
        &format!("is {from:?}, more than 48 hours before `to`, {to:?}: a timeline shows 48 hours at most"),
    )
}

/// The problem of a span beside both ends.
pub(crate) fn span_and_ends() -> Problem {
    invalid_parameter("span", "says the same as `from` and `to`: leave out one of the three")
}

pub(crate) fn span_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["30m", "1h", "3h", "6h", "12h", "24h", "48h"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_complete_begins_after_the_last_event() {
        let moment: Timestamp = "2026-05-01T09:30:00.250Z".parse().unwrap();
        let id = EventId::at(moment, 4095).unwrap();
        assert_eq!(complete_from(id).to_string(), "2026-05-01T09:30:00.251Z");
        let cursor = cursor::of_positions([id.as_u64(), microseconds(moment)], "");
        assert_eq!(goes_on(&cursor, "").unwrap(), (id, moment));
    }

    #[test]
    fn spans_are_bounded() {
        for (value, minutes) in [("30m", 30), ("48h", 2880), ("2d", 2880), ("90m", 90)] {
            assert_eq!(span(value), Some(SignedDuration::from_mins(minutes)), "{value}");
        }
        for value in ["29m", "49h", "3d", "", "h", "-1h", "1.5h", "6x", "6é", "99999999999999999999h"] {
            assert_eq!(span(value), None, "{value}");
        }
    }
}
