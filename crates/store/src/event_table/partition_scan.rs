//! Reading many partitions of a table or index as one, in the order of their sort key.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};

use crate::error::Error;
use crate::events::{Events, Item};
use crate::search::filter::{Expression, Filter};

/// What to read, and how.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The attribute that its partitions are told apart by.
    pub(crate) key: &'static str,
    /// The attribute that it is sorted by.
    pub(crate) sort: &'static str,
    /// Whether the lowest comes first.
    pub(crate) ascending: bool,
    /// What to read of each partition.
    pub(crate) range: RangeInclusive<u64>,
    /// The partitions.
    pub(crate) partitions: Vec<String>,
    /// Partitions of links, each an item with the id of an event.
    pub(crate) links: Vec<String>,
    /// What DynamoDB is to leave out.
    pub(crate) filter: Option<Expression>,
    /// How many items one Query looks at.
    pub(crate) page: usize,
}

/// How many partitions are read side by side: between them, the reader may stop.
const TOGETHER: f64 = 32.0;

/// The most read units of one Query, which ends at 1 MB.
const QUERY: f64 = 128.0;

/// What was read next.
#[derive(Debug)]
pub(crate) enum Next {
    /// An item, and where it stands.
    Item(u64, Item),
    /// There is nothing further.
    End,
    /// Something has to be read first: see [`Merge::read`].
    Unread,
}

/// The partitions of a [`Plan`] on the way from one end of the range to the other.
pub(crate) struct Merge<'a> {
    events: &'a Events,
    plan: Plan,
    partitions: Vec<Partition>,
    last: Option<u64>,
    /// The read units that it has taken.
    pub(crate) units: f64,
    /// How many items were looked at.
    pub(crate) examined: usize,
}

#[derive(Debug)]
struct Partition {
    key: String,
    link: bool,
    hits: VecDeque<(u64, Item)>,
    resume: Option<Item>,
    exhausted: bool,
}

/// What one Query gave.
struct Filled {
    hits: Vec<(u64, Item)>,
    resume: Option<Item>,
    units: f64,
    examined: usize,
}

impl Partition {
    fn wants_more(&self) -> bool {
        self.hits.is_empty() && !self.exhausted
    }
}

impl<'a> Merge<'a> {
    pub(crate) fn new(events: &'a Events, plan: Plan) -> Self {
        let partition = |key: &String, link| Partition {
            key: key.clone(),
            link,
            hits: VecDeque::new(),
            resume: None,
            exhausted: plan.range.is_empty(),
        };
        let partitions = plan.partitions.iter().map(|key| partition(key, false));
        let partitions = partitions.chain(plan.links.iter().map(|key| partition(key, true))).collect();
        Self { events, partitions, plan, last: None, units: 0.0, examined: 0 }
    }

    /// The next item in order. One that several partitions have comes once, as the first of them has it.
    pub(crate) fn next(&mut self) -> Next {
        loop {
            if self.partitions.iter().any(Partition::wants_more) {
                return Next::Unread;
            }
            let ascending = self.plan.ascending;
            let heads = self.partitions.iter_mut().filter(|partition| !partition.hits.is_empty());
            let first = heads.min_by_key(|partition| {
                let at = partition.hits.front().map_or(0, |(at, _)| *at);
                if ascending { at } else { u64::MAX - at }
            });
            let Some((at, item)) = first.and_then(|partition| partition.hits.pop_front()) else { return Next::End };
            // Events have a place each; what is sorted by something else comes from one partition each.
            if self.plan.links.is_empty() || self.last != Some(at) {
                self.last = Some(at);
                return Next::Item(at, item);
            }
        }
    }

    /// The next item, reading what must be read for it; `None` at the end.
    pub(crate) async fn next_read(&mut self) -> Result<Option<(u64, Item)>, Error> {
        loop {
            match self.next() {
                Next::Item(at, item) => return Ok(Some((at, item))),
                Next::End => return Ok(None),
                Next::Unread => self.read(f64::MAX).await?,
            }
        }
    }

    /// The first place, in order, of what was not given yet, where no two items of a partition have one place; `None`
    /// at the end.
    pub(crate) fn bound(&self) -> Option<u64> {
        let (low, high) = (*self.plan.range.start(), *self.plan.range.end());
        let beyond = |place: u64| if self.plan.ascending { place.checked_add(1) } else { place.checked_sub(1) };
        let next = |partition: &Partition| match (partition.hits.front(), &partition.resume) {
            (Some((at, _)), _) => Some(*at),
            (None, _) if partition.exhausted => None,
            (None, Some(key)) => place(key, self.plan.sort).and_then(beyond),
            (None, None) => Some(if self.plan.ascending { low } else { high }),
        };
        let places = self.partitions.iter().filter_map(next).filter(|place| self.plan.range.contains(place));
        if self.plan.ascending { places.min() } else { places.max() }
    }

    /// Reads on where nothing is at hand: one Query for each such partition, of as many as these units are sure to
    /// suffice for, one at least.
    pub(crate) async fn read(&mut self, units: f64) -> Result<(), Error> {
        let mut wanting: Vec<usize> =
            (0..self.partitions.len()).filter(|at| self.partitions[*at].wants_more()).collect();
        let most = (units / QUERY).clamp(1.0, TOGETHER);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 32")]
        wanting.truncate(most as usize);
        let reads = wanting.iter().map(|at| self.fill(&self.partitions[*at]));
        let filled = futures::future::try_join_all(reads).await?;
        for (at, filled) in wanting.into_iter().zip(filled) {
            let partition = &mut self.partitions[at];
            partition.hits.extend(filled.hits);
            partition.exhausted = filled.resume.is_none();
            partition.resume = filled.resume;
            self.units += filled.units;
            self.examined += filled.examined;
        }
        Ok(())
    }

    async fn fill(&self, partition: &Partition) -> Result<Filled, Error> {
        let plan = &self.plan;
        let (key, sort) = if partition.link { ("pk", "sk") } else { (plan.key, plan.sort) };
        let mut values: HashMap<String, AttributeValue> = HashMap::from([
            (":key".to_owned(), AttributeValue::S(partition.key.clone())),
            (":low".to_owned(), AttributeValue::N(plan.range.start().to_string())),
            (":high".to_owned(), AttributeValue::N(plan.range.end().to_string())),
        ]);
        // A link says nothing of its event, but when it expires.
        let filter = match partition.link {
            true => Some(Filter::default().expression(self.events.retention.now())),
            false => plan.filter.clone(),
        };
        let expression = filter.map(|filter| {
            values.extend(filter.values.0);
            filter.text
        });
        let answer = self
            .events
            .client
            .query()
            .table_name(&self.events.table)
            .set_index_name(plan.index.filter(|_| !partition.link).map(str::to_owned))
            .key_condition_expression(format!("{key} = :key AND {sort} BETWEEN :low AND :high"))
            .set_filter_expression(expression)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(plan.ascending)
            .limit(i32::try_from(plan.page).unwrap_or(i32::MAX))
            .set_exclusive_start_key(partition.resume.clone())
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|e| Error::sdk("Query", e))?;
        let units = crate::events::units(answer.consumed_capacity());
        let examined = usize::try_from(answer.scanned_count()).unwrap_or_default();
        let placed = |item: Item| Ok((self.place(&item, sort)?, item));
        let hits = answer.items.unwrap_or_default().into_iter().map(placed).collect::<Result<_, Error>>()?;
        Ok(Filled { hits, resume: answer.last_evaluated_key, units, examined })
    }

    fn place(&self, item: &Item, sort: &str) -> Result<u64, Error> {
        place(item, sort).ok_or_else(|| Error::corrupt(&self.events.table, format!("an item without {sort}")))
    }
}

fn place(item: &Item, sort: &str) -> Option<u64> {
    item.get(sort)?.as_n().ok()?.parse().ok()
}
