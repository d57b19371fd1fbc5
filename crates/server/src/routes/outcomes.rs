//! `GET /swathe/v1/jobs/{job}/outcomes`: what became of each record, in pages, or whole as CSV or as
//! lines of JSON.

use super::jobs;
use super::meta::asker;
use crate::answer::Answer;
use crate::auth::Authorized;
use crate::call::Call;
use crate::csv::Row;
use crate::stream::{Reader, Source, Step};
use crm::Actor;
use crm::convert::Named;
use crm::outcome::{self, OutcomeQuery, Page, Told, Values};
use model::id::JobId;
use model::job::OutcomeWord;
use model::limits::PER_PAGE_MAX;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::jobs::Job;
use store::{Fault, Tx};

/// What the query string may have.
const PARAMS: [&str; 4] = ["outcome", "code", "format", "page_token"];
/// Outcomes read at once for a body that is sent whole.
const PIECE_ROWS: usize = 500;
/// The same where each has all the fields of a record: a piece is held in memory.
const PIECE_ROWS_WHOLE: usize = 50;
/// Reads of one request that found nothing yet, each of as many places as one page goes through.
const READS_MAX: usize = 20;

/// How a list is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Lines,
}

impl Format {
    const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Lines];

    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Lines => "ndjson",
        }
    }

    /// By the parameter, which browsers can give, or by `Accept`.
    fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        if let Some(word) = call.query.get("format") {
            let words: Vec<Json> = Self::ALL.iter().map(|one| one.word().into()).collect();
            let found = Self::ALL.into_iter().find(|one| one.word() == word);
            return found.ok_or_else(|| wrong("format").with("supported_values", words));
        }
        let accept = call.header("accept").unwrap_or_default();
        Ok(if accept.contains("text/csv") {
            Self::Csv
        } else if accept.contains("application/x-ndjson") {
            Self::Lines
        } else {
            Self::Json
        })
    }
}

fn wrong(param: &str) -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", param)
}

/// `?outcome=&code=&format=&page_token=`, none of them needed.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    if let Some((odd, _)) = call.query.pairs().find(|(key, _)| !PARAMS.contains(key)) {
        let refusal = wrong(odd).saying("there is no such parameter");
        return Err(refusal.with("supported_values", PARAMS.to_vec()).into());
    }
    let query = query(call)?;
    let format = Format::of(call)?;
    let token = call.query.get("page_token");
    let from = token.map(|text| text.parse().ok().filter(|from| *from >= 0));
    let from = from.map(|from: Option<i64>| from.ok_or_else(|| wrong("page_token")));
    let from = from.transpose()?;
    if format == Format::Json {
        return pages(call, query, from.unwrap_or_default());
    }
    if from.is_some() {
        let text = "only pages of JSON have tokens: this format is sent whole";
        return Err(wrong("page_token").saying(text).into());
    }
    whole(call, query, format)
}

fn query(call: &Call<'_>) -> Result<OutcomeQuery, Refusal> {
    let word = call.query.get("outcome").map(|text| {
        let words = OutcomeWord::ALL.into_iter().map(OutcomeWord::as_str);
        let words: Vec<Json> = words.map(Json::from).collect();
        OutcomeWord::parse(text).ok_or_else(|| wrong("outcome").with("supported_values", words))
    });
    let code = call.query.get("code").map(|text| {
        let unknown = || wrong("code").saying("there is no such code");
        Code::parse(text).ok_or_else(unknown)
    });
    Ok(OutcomeQuery {
        word: word.transpose()?,
        code: code.transpose()?,
    })
}

/// With whose rights outcomes are read.
fn with_rights<T>(
    tx: &mut Tx,
    holder: &Authorized,
    run: impl FnOnce(&mut Tx, &outcome::Reader<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let actor = Actor::of(&tx.catalog()?, holder.user)?;
    let reads = |module: &_| holder.reads(module);
    let reader = outcome::Reader {
        actor: &actor,
        reads: &reads,
    };
    run(tx, &reader)
}

/// A page of JSON. Few outcomes among many places take several reads, each of them short.
fn pages(call: &Call<'_>, query: OutcomeQuery, from: i64) -> Result<Answer, Fault> {
    let mut told = Vec::new();
    let mut next = Some(from);
    for _ in 0..READS_MAX {
        let Some(from) = next.filter(|_| told.len() < PER_PAGE_MAX) else {
            break;
        };
        let rows = PER_PAGE_MAX - told.len();
        let page = call.app.db.read(|tx| {
            let reader = asker(tx, call)?;
            let job = jobs::named(tx, &reader, call)?;
            with_rights(tx, &call.actor, |tx, reader| {
                outcome::page(tx, reader, &job, query, (from, rows))
            })
        })?;
        told.extend(page.told);
        next = page.next;
    }
    let data: Vec<Json> = told.iter().map(shown).collect();
    let next = next.map(|next| next.to_string());
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

fn shown(told: &Told) -> Json {
    let values = |values: &Values| values.clone().map_or(Json::Null, Json::Object);
    let mut shown = json!({
        "record": told.record.to_string(),
        "name": told.name,
        "outcome": told.word.as_str(),
        "code": told.code,
        "message": told.message,
        "before": values(&told.before),
        "after": values(&told.after),
        "at": told.at.map(Timestamp::to_utc),
    });
    if let (Some(became), Some(object)) = (&told.converted, shown.as_object_mut()) {
        let parts = [
            ("contact", &became.contact),
            ("account", &became.account),
            ("deal", &became.deal),
        ];
        let part = |named: &Named| json!({ "id": named.id.to_string(), "name": named.name });
        let parts = parts.map(|(key, named)| {
            let shown = named.as_ref().map_or(Json::Null, part);
            (key.to_owned(), shown)
        });
        object.insert("converted".to_owned(), Json::Object(Map::from_iter(parts)));
    }
    shown
}

/// All of it, piece by piece.
fn whole(call: &Call<'_>, query: OutcomeQuery, format: Format) -> Result<Answer, Fault> {
    let (job, columns, rows) = call.app.db.read(|tx| {
        let reader = asker(tx, call)?;
        let job = jobs::named(tx, &reader, call)?;
        let columns = with_rights(tx, &call.actor, |tx, reader| {
            // Refuses here what would only cut the body later.
            outcome::page(tx, reader, &job, query, (0, 0))?;
            Columns::of(tx, reader, &job)
        })?;
        let rows = if outcome::of_whole_records(tx, &job)? {
            PIECE_ROWS_WHOLE
        } else {
            PIECE_ROWS
        };
        Ok((job.id, columns, rows))
    })?;
    let content_type = match format {
        Format::Csv => "text/csv;charset=UTF-8;header=present",
        _ => "application/x-ndjson;charset=UTF-8",
    };
    let source = Outcomes {
        job,
        query,
        columns: (format == Format::Csv).then_some(columns),
        rows,
        next: Some(0),
        begun: false,
    };
    let name = format!(
        "attachment; filename=\"job-{job}-outcomes.{}\"",
        format.word()
    );
    let answer = call.stream(content_type, source)?;
    Ok(answer.with_header("content-disposition", name))
}

/// The columns of the CSV: those of every outcome, and two of each field that the job writes.
struct Columns {
    before: Vec<String>,
    after: Vec<String>,
}

const FIRST_COLUMNS: [&str; 6] = ["record", "name", "outcome", "code", "message", "at"];

impl Columns {
    fn of(tx: &mut Tx, reader: &outcome::Reader<'_>, job: &Job) -> Result<Self, Fault> {
        let fields = outcome::fields(tx, reader, job)?;
        let after = if outcome::leaves_nothing(job) {
            Vec::new()
        } else {
            fields.clone()
        };
        Ok(Self {
            before: fields,
            after,
        })
    }

    fn header(&self) -> String {
        let mut row = Row::default();
        for name in FIRST_COLUMNS {
            row.plain(name);
        }
        for (part, names) in [("before", &self.before), ("after", &self.after)] {
            for name in names {
                row.plain(&format!("{part}.{name}"));
            }
        }
        row.end()
    }

    fn row(&self, told: &Told) -> String {
        let mut row = Row::default();
        row.plain(&told.record.to_string());
        row.text(told.name.as_deref().unwrap_or_default());
        row.plain(told.word.as_str());
        row.plain(told.code.as_deref().unwrap_or_default());
        row.text(told.message.as_deref().unwrap_or_default());
        row.plain(&told.at.map(Timestamp::to_utc).unwrap_or_default());
        for (values, names) in [(&told.before, &self.before), (&told.after, &self.after)] {
            for name in names {
                let value = values.as_ref().and_then(|values| values.get(name));
                row.value(value.unwrap_or(&Json::Null));
            }
        }
        row.end()
    }
}

/// The list as a body.
struct Outcomes {
    job: JobId,
    query: OutcomeQuery,
    columns: Option<Columns>,
    /// Read at once.
    rows: usize,
    next: Option<i64>,
    begun: bool,
}

impl Outcomes {
    fn read(&self, reader: &Reader, from: i64) -> Result<Page, Fault> {
        reader.read(|tx, holder, _| {
            with_rights(tx, holder, |tx, reader| {
                let gone = || Refusal::new(Code::NotFound).saying("there is no such job");
                let job = crm::job::find(tx, reader.actor, self.job)?.ok_or_else(gone)?;
                outcome::page(tx, reader, &job, self.query, (from, self.rows))
            })
        })
    }
}

impl Source for Outcomes {
    fn next(&mut self, reader: &Reader) -> Result<Step, Fault> {
        if !self.begun {
            self.begun = true;
            if let Some(columns) = &self.columns {
                return Ok(Step::Piece(columns.header().into_bytes()));
            }
        }
        let Some(from) = self.next else {
            return Ok(Step::End);
        };
        let page = self.read(reader, from)?;
        self.next = page.next;
        if page.told.is_empty() {
            // So many places without one that is wanted: others have their turn before the next.
            return Ok(Step::Again);
        }
        let mut text = String::new();
        for told in &page.told {
            let line = || format!("{}\n", shown(told));
            let line = self
                .columns
                .as_ref()
                .map_or_else(line, |columns| columns.row(told));
            text.push_str(&line);
        }
        Ok(Step::Piece(text.into_bytes()))
    }
}
