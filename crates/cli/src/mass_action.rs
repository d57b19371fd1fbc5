//! A mass action as the command line says it: which records, and what becomes of them.

use crate::jobs::id;
use crate::settings::{Failure, Usage};
use anyhow::{Context, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value as Json, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The mass actions.
#[derive(Subcommand)]
pub(crate) enum MassAction {
    /// Write values into fields
    Update(Update),
    /// Give the records to another user
    ChangeOwner(ChangeOwner),
    /// Put the records into the recycle bin
    Delete(Delete),
    /// Make a contact, an account and on demand a deal of each lead, or find them
    Convert(Convert),
    /// Put tags on the records, or take them off
    Tag(Tag),
}

/// The options of `update`.
#[derive(Args)]
pub(crate) struct Update {
    #[command(flatten)]
    selection: Selection,
    /// What a field becomes: Field=text (numbers, dates and ids too), Field[]=a,b for several values,
    /// Field:=JSON for anything else, as true or null. Once for each field
    #[arg(long, value_name = "FIELD=VALUE", required = true, value_parser = assignment)]
    set: Vec<Assignment>,
    /// Add to the values that fields of several values have, instead of writing over them
    #[arg(long)]
    append: bool,
}

/// The options of `change-owner`.
#[derive(Args)]
pub(crate) struct ChangeOwner {
    #[command(flatten)]
    selection: Selection,
    /// Who gets them: e-mail address or id of a user
    #[arg(long, value_name = "EMAIL|ID", value_parser = NonEmptyStringValueParser::new())]
    owner: String,
}

/// The options of `delete`.
#[derive(Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    selection: Selection,
}

/// The options of `convert`.
#[derive(Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    selection: Selection,
    /// What a field of each deal is, written as with update --set; without any, no deal is made
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    deal: Vec<Assignment>,
    /// Who owns what is made: e-mail address or id of a user; otherwise each lead's owner
    #[arg(long, value_name = "EMAIL|ID", value_parser = NonEmptyStringValueParser::new())]
    assign_to: Option<String>,
    /// Make new contacts and accounts without looking for those that exist
    #[arg(long, conflicts_with = "overwrite")]
    new: bool,
    /// Give accounts that exist the name of the lead's company
    #[arg(long)]
    overwrite: bool,
    /// Modules whose records get the lead's tags, joined by commas
    #[arg(long, value_name = "MODULES", value_delimiter = ',',
          value_parser = ["Contacts", "Accounts", "Deals"])]
    carry_over_tags: Vec<String>,
    /// The module whose record gets the lead's attachments
    #[arg(long, value_name = "MODULE", value_parser = ["Contacts", "Accounts", "Deals"])]
    move_attachments_to: Option<String>,
    /// Activities of the leads that get the new owner, too, joined by commas
    #[arg(long, value_name = "MODULES", value_delimiter = ',', requires = "assign_to",
          value_parser = ["Tasks", "Events", "Calls"])]
    related_modules: Vec<String>,
}

/// The options of `tag`.
#[derive(Args)]
#[command(group = ArgGroup::new("tags").required(true).multiple(true).args(["add", "remove"]))]
pub(crate) struct Tag {
    #[command(flatten)]
    selection: Selection,
    /// Name of a tag that the records get; once for each
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    add: Vec<String>,
    /// Name of a tag that they lose; once for each
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    remove: Vec<String>,
}

impl Tag {
    fn change(&self) -> Json {
        let lists = [("add", &self.add), ("remove", &self.remove)];
        let given = lists.into_iter().filter(|(_, tags)| !tags.is_empty());
        given
            .map(|(key, tags)| (key.to_owned(), tags.clone().into()))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Which records. All that is given must hold; nothing given is refused, never every record.
#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(
    ["view", "cvid", "ids", "ids_file", "criteria", "territory", "everything"]
))]
struct Selection {
    /// Api name of the module
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    module: String,
    /// Name of a custom view
    #[arg(long, value_name = "NAME", conflicts_with = "cvid",
          value_parser = NonEmptyStringValueParser::new())]
    view: Option<String>,
    /// Id of a custom view
    #[arg(long, value_name = "ID", value_parser = id)]
    cvid: Option<String>,
    /// Ids of records, joined by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = id)]
    ids: Vec<String>,
    /// A file of ids, one a line, or CSV with a column named id or record; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "ids")]
    ids_file: Option<PathBuf>,
    /// A criteria: (City:equals:Mumbai)
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    criteria: Option<String>,
    /// Id of a territory
    #[arg(long, value_name = "ID", value_parser = id)]
    territory: Option<String>,
    /// With the territories below it
    #[arg(long, requires = "territory")]
    include_children: bool,
    /// Every record of the module
    #[arg(long, conflicts_with_all = ["view", "cvid", "ids", "ids_file", "criteria", "territory"])]
    everything: bool,
}

impl MassAction {
    /// Whether every record of a module is meant.
    pub(crate) fn means_everything(&self) -> bool {
        self.selection().everything
    }

    fn selection(&self) -> &Selection {
        match self {
            Self::Update(update) => &update.selection,
            Self::ChangeOwner(change) => &change.selection,
            Self::Delete(delete) => &delete.selection,
            Self::Convert(convert) => &convert.selection,
            Self::Tag(tag) => &tag.selection,
        }
    }

    /// The same in the words of the native API.
    pub(crate) fn body(&self) -> Result<Map<String, Json>, Failure> {
        let selection = self.selection();
        let (action, change) = match self {
            Self::Update(update) => ("update", Some(update.change()?)),
            Self::ChangeOwner(change) => ("change_owner", Some(json!({ "owner": change.owner }))),
            Self::Delete(_) => ("delete", None),
            Self::Convert(convert) => ("convert", convert.change()?),
            Self::Tag(tag) => ("tag", Some(tag.change())),
        };
        let mut body = Map::new();
        body.insert("action".to_owned(), action.into());
        body.insert("module".to_owned(), selection.module.clone().into());
        body.insert("selection".to_owned(), selection.body()?);
        if let Some(change) = change {
            body.insert("change".to_owned(), change);
        }
        Ok(body)
    }
}

impl Update {
    fn change(&self) -> Result<Json, Failure> {
        let fields = fields(&self.set, "--set")?;
        Ok(json!({ "fields": fields, "over_write": !self.append }))
    }
}

impl Convert {
    /// What is asked for; nothing where all is as usual.
    fn change(&self) -> Result<Option<Json>, Failure> {
        let mut change = Map::new();
        let mut put = |key: &str, json: Json| change.insert(key.to_owned(), json);
        if !self.deal.is_empty() {
            put("deal", Json::Object(fields(&self.deal, "--deal")?));
        }
        if let Some(user) = &self.assign_to {
            put("assign_to", user.as_str().into());
        }
        if self.new {
            put("add_to_existing", false.into());
        }
        if self.overwrite {
            put("overwrite", true.into());
        }
        for (key, modules) in [
            ("carry_over_tags", &self.carry_over_tags),
            ("related_modules", &self.related_modules),
        ] {
            if !modules.is_empty() {
                put(key, modules.clone().into());
            }
        }
        if let Some(module) = &self.move_attachments_to {
            put("move_attachments_to", module.as_str().into());
        }
        Ok((!change.is_empty()).then_some(Json::Object(change)))
    }
}

/// The fields that an option sets, each once.
fn fields(set: &[Assignment], option: &str) -> Result<Map<String, Json>, Failure> {
    let mut fields = Map::new();
    for Assignment { field, value } in set {
        if fields.insert(field.clone(), value.clone()).is_some() {
            bail!(Usage(format!("{option} names {field} twice")));
        }
    }
    Ok(fields)
}

impl Selection {
    fn body(&self) -> Result<Json, Failure> {
        let mut body = Map::new();
        let mut put = |key: &str, json: Json| body.insert(key.to_owned(), json);
        for (key, text) in [
            ("view", &self.view),
            ("cvid", &self.cvid),
            ("criteria", &self.criteria),
        ] {
            if let Some(text) = text {
                put(key, text.clone().into());
            }
        }
        if !self.ids.is_empty() {
            put("ids", self.ids.clone().into());
        }
        if let Some(file) = &self.ids_file {
            put("ids", ids_of(file)?.into());
        }
        if let Some(territory) = &self.territory {
            let below = self.include_children;
            put(
                "territory",
                json!({ "id": territory, "include_child": below }),
            );
        }
        if self.everything {
            put("everything", true.into());
        }
        Ok(Json::Object(body))
    }
}

/// What one field becomes.
#[derive(Clone, Debug, PartialEq)]
struct Assignment {
    field: String,
    value: Json,
}

/// `Field=text`, `Field[]=a,b` or `Field:=JSON`: what is sent follows from what is written and from
/// nothing else. An empty text could be a script's empty variable and is refused.
fn assignment(text: &str) -> Result<Assignment, String> {
    let (left, right) = text
        .split_once('=')
        .ok_or("write Field=text, Field[]=a,b or Field:=JSON")?;
    let (field, value) = if let Some(field) = left.strip_suffix(':') {
        let value = serde_json::from_str(right);
        let wrong = |error| format!("what follows := is no JSON: {error}; a text needs \"…\"");
        (field, value.map_err(wrong)?)
    } else if let Some(field) = left.strip_suffix("[]") {
        let values: Vec<&str> = right.split(',').map(str::trim).collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(format!("to empty {field}, write {field}:=[]"));
        }
        (field, json!(values))
    } else if right.is_empty() {
        return Err(format!("to empty {left}, write {left}:=null"));
    } else {
        (left, json!(right))
    };
    if field.is_empty() || field != field.trim() {
        return Err("the name of the field is missing".to_owned());
    }
    Ok(Assignment {
        field: field.to_owned(),
        value,
    })
}

/// The ids of a file. A line that is no id is a mistake, never left out.
fn ids_of(file: &Path) -> Result<Vec<String>, Failure> {
    let (name, mut text) = (file.display(), String::new());
    if file == Path::new("-") {
        let read = std::io::stdin().read_to_string(&mut text);
        read.context("cannot read the standard input")?;
    } else {
        text = crate::settings::read(file)?;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut column = None;
    let mut ids = Vec::new();
    for (n, row) in rows.records().enumerate() {
        let row = row.with_context(|| format!("{name} is no CSV"))?;
        let line = row.position().map_or(0, csv::Position::line);
        if n == 0 {
            column = row.iter().position(|cell| cell == "id" || cell == "record");
            if column.is_some() {
                continue;
            }
        }
        let cell = match column {
            Some(column) => row.get(column),
            None => row.get(0).filter(|_| row.len() == 1),
        };
        match cell.map(id) {
            Some(Ok(id)) => ids.push(id),
            _ => bail!(Usage(format!(
                "{name}:{line}: want one id a line, or a first line that names a column id or record"
            ))),
        }
    }
    if ids.is_empty() {
        bail!(Usage(format!("{name} has no id in it")));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Json, String> {
        assignment(text).map(|assignment| json!([assignment.field, assignment.value]))
    }

    #[test]
    fn what_is_sent_follows_from_what_is_written() {
        for (text, sent) in [
            ("City=Oslo", json!(["City", "Oslo"])),
            ("City=a=b, c", json!(["City", "a=b, c"])),
            ("Phone=0123", json!(["Phone", "0123"])),
            ("City=true", json!(["City", "true"])),
            ("Score:=5", json!(["Score", 5])),
            ("Seen:=null", json!(["Seen", null])),
            ("Tools[]=Saw, Axe", json!(["Tools", ["Saw", "Axe"]])),
            ("Tools:=[\"Saw, big\"]", json!(["Tools", ["Saw, big"]])),
        ] {
            assert_eq!(read(text), Ok(sent), "{text}");
        }
    }

    #[test]
    fn what_could_be_an_empty_variable_is_refused() {
        for (text, words) in [
            ("City=", "City:=null"),
            ("Tools[]=", "Tools:=[]"),
            ("Tools[]=Saw,,Axe", "Tools:=[]"),
            ("City:=", "no JSON"),
            ("City:=Oslo", "no JSON"),
            ("City", "Field=text"),
            ("=Oslo", "missing"),
            (":=1", "missing"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn a_file_of_ids_leaves_no_line_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ids");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            ids_of(&file).map_err(|error| error.to_string())
        };
        let both = vec!["1".to_owned(), "22".to_owned()];
        assert_eq!(read("1\n22\n").unwrap(), both);
        assert_eq!(read("\u{feff}id\r\n1\r\n\r\n22").unwrap(), both);
        assert_eq!(read("name,record\n\"Groß, Jo\",1\nX,22\n").unwrap(), both);
        for (text, words) in [
            ("", "no id in it"),
            ("id\n", "no id in it"),
            ("1,22\n", ":1: want one id"),
            ("1\nx\n", ":2: want one id"),
            ("name,record\nX\n", ":2: want one id"),
            ("Id\n1\n", ":1: want one id"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(words), "{text:?}: {said}");
        }
    }
}
