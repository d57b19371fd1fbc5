//! Where records come from: the database itself, or a server.

use super::Export;
use crate::remote::Remote;
use crate::settings::{self, Failure, Opened, Usage};
use anyhow::bail;
use crm::Actor;
use crm::export::{self, Wanted};
use model::id::{RecordId, UserId};
use serde_json::Value as Json;
use store::Db;

/// Some records, each with its id in front.
pub(super) struct Page {
    /// Column names, `id` first.
    pub(super) fields: Vec<String>,
    pub(super) records: Vec<Vec<Json>>,
}

enum Source<'a> {
    Here {
        db: Db,
        user: UserId,
        wanted: Wanted<'a>,
        last: Option<RecordId>,
    },
    There {
        server: Remote,
        path: String,
        token: Option<String>,
    },
}

/// The pages of an export.
pub(super) struct Pages<'a> {
    source: Source<'a>,
    /// The columns of the first page: all must have the same.
    fields: Option<Vec<String>>,
    ended: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn open(export: &'a Export) -> Result<Self, Failure> {
        let source = match export.place.open()? {
            Opened::Here(db) => {
                let catalog = db.read(|tx| Ok(tx.catalog()?));
                let catalog = catalog.map_err(settings::refused)?;
                let actor = Actor::at_console(&catalog, export.user.as_deref());
                Source::Here {
                    user: actor
                        .map_err(|refusal| settings::refused(refusal.into()))?
                        .user
                        .id,
                    wanted: Wanted {
                        module: &export.module,
                        view: export.view.as_deref(),
                        criteria: export.criteria.as_deref(),
                        at: settings::now(),
                    },
                    db,
                    last: None,
                }
            }
            Opened::There(_) if export.user.is_some() => {
                bail!(Usage(
                    "--user is for --database: a token has its user".to_owned()
                ))
            }
            Opened::There(server) => Source::There {
                server,
                path: path(export),
                token: None,
            },
        };
        Ok(Self {
            source,
            fields: None,
            ended: false,
        })
    }

    /// Whether there is nothing more.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn next(&mut self) -> Result<Page, Failure> {
        let page = match &mut self.source {
            Source::Here {
                db,
                user,
                wanted,
                last,
            } => {
                let page = db.read(|tx| export::page(tx, *user, wanted, *last));
                let page = page.map_err(settings::refused)?;
                *last = page.last;
                self.ended = page.last.is_none();
                of_database(page)
            }
            Source::There {
                server,
                path,
                token,
            } => {
                let mut path = path.clone();
                if let Some(token) = token {
                    path = format!("{path}&page_token={token}");
                }
                let answer = server.ask("GET", &path, &Json::Null)?;
                let next = answer.get("next_page_token").and_then(Json::as_str);
                *token = next.map(str::to_owned);
                self.ended = token.is_none();
                of_answer(&answer)?
            }
        };
        match &self.fields {
            Some(fields) if *fields != page.fields => {
                bail!("the fields changed while the export ran: run it again")
            }
            Some(_) => {}
            None => self.fields = Some(page.fields.clone()),
        }
        Ok(page)
    }
}

fn path(export: &Export) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("view", &export.view), ("criteria", &export.criteria)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let module: String = form_urlencoded::byte_serialize(export.module.as_bytes()).collect();
    format!("/swathe/v1/records/{module}?{}", query.finish())
}

fn of_database(page: export::Page) -> Page {
    let fields = std::iter::once("id".to_owned()).chain(page.fields);
    let records = page.records.into_iter().map(|record| {
        let id = Json::from(record.id.to_string());
        std::iter::once(id).chain(record.values).collect()
    });
    Page {
        fields: fields.collect(),
        records: records.collect(),
    }
}

fn of_answer(answer: &Json) -> Result<Page, Failure> {
    let list = |key: &str| answer.get(key).and_then(Json::as_array);
    let (Some(fields), Some(data)) = (list("fields"), list("data")) else {
        bail!("the server's answer has no records in it");
    };
    let fields = fields.iter().filter_map(Json::as_str);
    let fields: Vec<String> = std::iter::once("id")
        .chain(fields)
        .map(str::to_owned)
        .collect();
    let records = data.iter().map(|record| {
        let values = fields.iter().map(|field| record.get(field).cloned());
        values.map(Option::unwrap_or_default).collect()
    });
    Ok(Page {
        records: records.collect(),
        fields,
    })
}
