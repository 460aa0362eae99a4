//! `GET /v1/timeline`: what happened within a few hours, in groups of what happened together.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use events::Event;
use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use store::{Field, Filter, MAX_UNITS, Search};
use web::{Params, Problem, Read, bad, shortened};

use crate::State;
use crate::api::TIMELINE;
use crate::highlights::is_highlight;
use crate::room::{JSON, Room, written};
use crate::search::MAX_TIME;
use crate::tally::Tally;
use crate::view::Moment;
use web::filters;

/// The longest window.
const LONGEST: SignedDuration = SignedDuration::from_hours(48);

/// The shortest span that can be asked for by its length.
const SHORTEST: SignedDuration = SignedDuration::from_mins(30);

/// The most events of a timeline: more could not be told apart.
const MAX_EVENTS: usize = 2000;

/// The most events that are looked at for one.
const MAX_EXAMINED: usize = 20_000;

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
    /// Whether there is more than the newest events that are shown. Left out where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
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
pub(crate) async fn read(Shared(state): Shared<State>, _: Read, query: RawQuery) -> Result<Json<Timeline>, Problem> {
    let params = Params::read(query, TIMELINE.parameters)?;
    let types = params.list("types")?;
    let filter = filters::with_any_environment(filters::fields(&params)?);
    let (from, to) = window(&params, &filter, store::now())?;
    let all = !types.is_empty();
    let filter = Filter { from: Some(from), until: Some(to), ..filter }.and(Field::Type, types);
    let (events, partial) = read_window(&state, filter, all).await?;
    let (found, mut room) = (events.len(), Room::new(JSON));
    // The newest come first, and stay where there is no room for all.
    let moments = events.into_iter().map(Moment::new).take_while(|moment| fits(&mut room, moment));
    let mut moments: Vec<Moment> = moments.collect();
    moments.sort_by_key(|moment| (moment.time, moment.id));
    let together = to.duration_since(from) / TOGETHER;
    let count = moments.len();
    Ok(Json(Timeline { from, to, groups: group(moments, together), count, partial: partial || count < found }))
}

/// Whether an answer has room for a moment, in a group of its own.
fn fits(room: &mut Room, moment: &Moment) -> bool {
    // Its times, and the names of its members.
    const GROUP: usize = 300;
    // The type stands among the group's too.
    room.takes(written(&(moment, &moment.r#type)).get().as_bytes(), GROUP)
}

/// The newest events of the window that belong on the timeline, and whether there are more.
async fn read_window(state: &State, filter: Filter, all: bool) -> Result<(Vec<Event>, bool), Problem> {
    const PAGE: usize = 1000;
    let deadline = Instant::now() + MAX_TIME;
    let mut search = Search { filter, limit: PAGE, max_bytes: 16 << 20, deadline: Some(deadline), ..Search::default() };
    let tally = Tally::new("timeline");
    let (mut events, mut examined, mut units): (Vec<Event>, usize, f64) = (Vec::new(), 0, 0.0);
    loop {
        let page = state.log.search(&search).await?;
        examined += page.events.len();
        units += page.way.units;
        events.extend(page.events.into_iter().filter(|event| all || is_highlight(event)));
        let spent = units >= MAX_UNITS || Instant::now() >= deadline;
        let full = events.len() > MAX_EVENTS || examined >= MAX_EXAMINED || spent;
        if full || page.next.is_none() {
            let partial = page.next.is_some() || events.len() > MAX_EVENTS;
            events.truncate(MAX_EVENTS);
            tally.log("", events.len(), units, partial);
            return Ok((events, partial));
        }
        search.after = page.next;
    }
}

/// The window that is asked for: by both ends, or by its span and one end or none.
fn window(params: &Params, filter: &Filter, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let span = params.parsed("span", "30m to 48h, as 90m, 6h or 2d", span)?;
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
    let (from, to) = (shortened(from), shortened(to));
    bad("from", &format!("is {from:?}, more than 48 hours before `to`, {to:?}: a timeline shows 48 hours at most"))
}

/// The problem of a span beside both ends.
pub(crate) fn span_and_ends() -> Problem {
    bad("span", "says the same as `from` and `to`: leave out one of the three")
}

pub(crate) fn span_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["30m", "1h", "3h", "6h", "12h", "24h", "48h"] })
}

#[cfg(test)]
mod tests {
    use super::*;

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
