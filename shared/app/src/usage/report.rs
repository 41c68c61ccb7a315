//! Reports: a day's counting becomes rows by title, representation, file, group, library and day (U1).

use std::collections::{BTreeMap, VecDeque};

use vitrine_domain::Timestamp;
use vitrine_domain::outbox::seconds;
use vitrine_domain::roles::Action;
use vitrine_domain::usage::{Seen, UsageBy, UsageRow};
use vitrine_store::Page;
use vitrine_store::usage::{Reported, USAGE_SHARDS};

use crate::register_file::TimeLeft;
use crate::{App, AppError, Call};

const DAY_SECONDS: i64 = 86_400;
/// The report of the day that goes on is made anew so often.
const AGAIN_SECONDS: i64 = 3600;
/// A day's report is made final so long after its end: what was being answered at midnight is counted by then.
const FINAL_AFTER_SECONDS: i64 = 10 * 60;
/// The longest period of a report, in days.
const MAX_DAYS: i64 = 366;
/// Rows are written so many at a time.
const WRITTEN_AT_ONCE: usize = 25;

/// What a report is asked for.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// The first day; 30 days ago where none is given.
    pub from: Option<String>,
    /// The last day; today where none is given.
    pub to: Option<String>,
    /// What it has a row for.
    pub by: UsageBy,
    /// How many rows.
    pub limit: u32,
    /// Where an earlier page ended.
    pub after: Option<String>,
}

/// One shard's viewers of a day, in order.
struct Stream {
    shard: u8,
    ahead: VecDeque<(String, Seen)>,
    after: Option<String>,
    ended: bool,
}

impl App {
    /// Makes the reports that are due: of each day that is over, once, and of the day that goes on, every hour.
    ///
    /// # Errors
    /// Only those of the store; the next run begins the day anew.
    pub async fn report_usage(&self, call: &Call, time_left: TimeLeft<'_>) -> Result<u32, AppError> {
        let settled = |seconds_ago: i64| call.now.saturating_add(seconds(-seconds_ago)).unwrap_or(call.now);
        let today = self.day_of(call.now);
        // Until ten minutes after midnight the day before still goes on.
        let over = day_before(&self.day_of(settled(FINAL_AFTER_SECONDS)))?;
        let mut reported = match self.catalog.usage_reported().await? {
            Some(reported) => reported,
            None => Reported { until: day_before(&over)?, at: Timestamp::UNIX_EPOCH },
        };
        let mut made = 0;
        while reported.until < over && time_left() {
            let day = day_after(&reported.until)?;
            self.report_day(&day).await?;
            made += 1;
            reported = Reported { until: day, at: Timestamp::UNIX_EPOCH };
            self.catalog.note_usage_reported(&reported).await?;
        }
        if reported.until >= over && reported.at <= settled(AGAIN_SECONDS) && time_left() {
            let mut day = day_after(&reported.until)?;
            while day <= today {
                self.report_day(&day).await?;
                made += 1;
                day = day_after(&day)?;
            }
            self.catalog.note_usage_reported(&Reported { at: call.now, ..reported }).await?;
        }
        Ok(made)
    }

    /// Makes the reports of a day from its counting, over what was made before.
    ///
    /// Shards are merged in the order of titles, representations and files, so that no more than a page of each and the
    /// row that is being added to are held.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn report_day(&self, day: &str) -> Result<(), AppError> {
        let mut streams: Vec<Stream> = (0..USAGE_SHARDS)
            .map(|shard| Stream { shard, ahead: VecDeque::new(), after: None, ended: false })
            .collect();
        let mut things = Things::default();
        let mut all: BTreeMap<(&str, String), UsageRow> = BTreeMap::new();
        loop {
            for stream in &mut streams {
                while stream.ahead.is_empty() && !stream.ended {
                    let page = self.catalog.seen(day, stream.shard, stream.after.as_deref()).await?;
                    stream.ahead = page.items.into();
                    stream.after = page.next;
                    stream.ended = stream.after.is_none();
                }
            }
            let first = streams.iter_mut().filter(|stream| !stream.ahead.is_empty());
            let first =
                first.min_by(|a, b| a.ahead.front().map(|it| &it.0).cmp(&b.ahead.front().map(|it| &it.0)));
            let Some((_, seen)) = first.and_then(|stream| stream.ahead.pop_front()) else { break };
            let mut add = |by: &'static str, entity: &str| {
                all.entry((by, entity.to_owned())).or_insert_with(|| UsageRow::new(day, entity)).add(&seen);
            };
            add("day", day);
            add("library", seen.library.as_str());
            seen.groups.iter().for_each(|group| add("group", group));
            self.put_done(things.add(day, &seen), false).await?;
        }
        self.put_done(&mut things.done, true).await?;
        self.put_done(&mut things.end(), true).await?;
        for (by, name) in [(UsageBy::Day, "day"), (UsageBy::Library, "library"), (UsageBy::Group, "group")] {
            let rows: Vec<UsageRow> =
                all.iter().filter(|((of, _), _)| *of == name).map(|(_, row)| row.clone()).collect();
            self.catalog.put_usage(by, &rows).await?;
        }
        Ok(())
    }

    /// Writes finished rows, once there are enough of a kind or where there are no more.
    async fn put_done(&self, done: &mut Done, last: bool) -> Result<(), AppError> {
        for (by, rows) in done.iter_mut() {
            if rows.len() >= WRITTEN_AT_ONCE || (last && !rows.is_empty()) {
                self.catalog.put_usage(*by, rows).await?;
                rows.clear();
            }
        }
        Ok(())
    }

    /// A page of a report: at most one query a month of the period.
    ///
    /// # Errors
    /// A missing role; a day that is none, a period that is too long.
    pub async fn usage(&self, call: &Call, query: &UsageQuery) -> Result<Page<UsageRow>, AppError> {
        call.actor.may(Action::ReadUsage, None)?;
        let today = self.day_of(call.now);
        let to = query.to.clone().unwrap_or(today);
        let noon = |field: &str, day: &str| {
            let wrong = || AppError::invalid(field, "must be a day such as `2026-11-24`");
            let at = instant(day).ok_or_else(wrong)?;
            if at.strftime("%Y-%m-%d").to_string() == day { Ok(at) } else { Err(wrong()) }
        };
        let last = noon("to", &to)?;
        let from = match &query.from {
            Some(from) => from.clone(),
            None => day_text(last.saturating_add(seconds(-30 * DAY_SECONDS)).unwrap_or(last)),
        };
        let first = noon("from", &from)?;
        if last.as_second() - first.as_second() > MAX_DAYS * DAY_SECONDS {
            return Err(AppError::invalid("from", format!("must be at most {MAX_DAYS} days before `to`")));
        }
        let mut place = match &query.after {
            // Right behind the row that was last.
            Some(after) if after.len() > 10 && after.get(..10).is_some_and(|day| day >= from.as_str()) => {
                format!("{after} ")
            }
            Some(_) => return Err(AppError::invalid("next", "must be the `next` of an earlier answer")),
            None => from.clone(),
        };
        let end = format!("{to}~");
        let mut items = Vec::new();
        let mut next = None;
        while place <= end {
            let month = place.get(..7).unwrap_or_default().to_owned();
            let wanted = query.limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            let found = self.catalog.usage(query.by, &month, (&place, &end), wanted).await?;
            let full = found.len() >= wanted as usize;
            for (key, row) in found {
                next = Some(key);
                items.push(row);
            }
            if full {
                return Ok(Page { items, next });
            }
            place = month_after(&month);
        }
        Ok(Page { items, next: None })
    }
}

fn day_before(day: &str) -> Result<String, AppError> {
    day_beside(day, -DAY_SECONDS)
}

fn day_after(day: &str) -> Result<String, AppError> {
    day_beside(day, DAY_SECONDS)
}

fn day_beside(day: &str, span: i64) -> Result<String, AppError> {
    let noon = instant(day).ok_or_else(|| AppError::invalid("day", "is none"))?;
    Ok(day_text(noon.saturating_add(seconds(span)).unwrap_or(noon)))
}

/// Noon of a day, anywhere: only days are counted with it.
fn instant(day: &str) -> Option<Timestamp> {
    format!("{day}T12:00:00Z").parse().ok()
}

fn day_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The month after one, as it sorts.
fn month_after(month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or(("9999", "12"));
    let (year, number): (u32, u32) = (year.parse().unwrap_or(9999), number.parse().unwrap_or(12));
    if number >= 12 { format!("{:04}-01", year + 1) } else { format!("{year:04}-{:02}", number + 1) }
}

type Done = Vec<(UsageBy, Vec<UsageRow>)>;

/// The title, representation and file that are being added to; what comes after them is none of theirs.
#[derive(Default)]
struct Things {
    title: Option<UsageRow>,
    representation: Option<UsageRow>,
    file: Option<UsageRow>,
    done: Done,
}

impl Things {
    /// Adds what was seen, and returns the rows that are finished.
    fn add(&mut self, day: &str, seen: &Seen) -> &mut Done {
        let file = seen.file.as_ref().map(|id| id.as_str());
        let (title, representation) = (seen.title.clone(), seen.representation.clone());
        self.turn(UsageBy::Title, day, Some(title.as_str()), seen, |_| {});
        self.turn(UsageBy::Representation, day, Some(representation.as_str()), seen, |row| {
            row.title = Some(title.clone());
        });
        self.turn(UsageBy::File, day, file, seen, |row| {
            row.title = Some(title.clone());
            row.representation = Some(representation.clone());
        });
        &mut self.done
    }

    /// Adds to the row of `entity`; the one before it is finished where it is another's.
    fn turn(
        &mut self,
        by: UsageBy,
        day: &str,
        entity: Option<&str>,
        seen: &Seen,
        set: impl FnOnce(&mut UsageRow),
    ) {
        let slot = match by {
            UsageBy::Title => &mut self.title,
            UsageBy::Representation => &mut self.representation,
            _ => &mut self.file,
        };
        if slot.as_ref().map(|row| row.entity.as_str()) != entity {
            let new = entity.map(|entity| {
                let mut row = UsageRow::new(day, entity);
                set(&mut row);
                row
            });
            if let Some(finished) = std::mem::replace(slot, new) {
                match self.done.iter_mut().find(|(of, _)| *of == by) {
                    Some((_, rows)) => rows.push(finished),
                    None => self.done.push((by, vec![finished])),
                }
            }
        }
        if let Some(row) = slot {
            row.add(seen);
        }
    }

    /// The last rows.
    fn end(self) -> Done {
        [
            (UsageBy::Title, self.title),
            (UsageBy::Representation, self.representation),
            (UsageBy::File, self.file),
        ]
        .into_iter()
        .filter_map(|(by, row)| Some((by, vec![row?])))
        .collect()
    }
}
