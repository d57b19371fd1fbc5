//! `GET /swathe/v1/records/{module}`: records in the form that an import takes, page by page.

use crate::answer::Answer;
use crate::call::Call;
use crm::export::{self, Page, Wanted};
use model::id::RecordId;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// What the query string may have.
const PARAMS: [&str; 3] = ["view", "criteria", "page_token"];

/// Where a page begins: after which record, of an export that began when.
#[derive(Clone, Copy)]
struct Token {
    after: RecordId,
    at: Timestamp,
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let (after, at) = text.split_once('-')?;
        Some(Self {
            after: RecordId::parse(after)?,
            at: Timestamp(at.parse().ok().filter(|at| *at >= 0)?),
        })
    }

    fn text(self) -> String {
        format!("{}-{}", self.after, self.at.0)
    }
}

/// `?view=&criteria=&page_token=`, none of them needed. Answers
/// `{"fields":[…],"data":[{"id",…}],"next_page_token"}`.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    if let Some((odd, _)) = call.query.pairs().find(|(key, _)| !PARAMS.contains(key)) {
        let refusal = Refusal::new(Code::InvalidData).saying("there is no such parameter");
        return Err(refusal.with("param_name", odd).into());
    }
    // A parameter that is there but empty must not mean every record.
    let given = |name: &str| match call.query.get(name) {
        Some("") => {
            let refusal = Refusal::new(Code::InvalidData).saying("the parameter is empty");
            Err(refusal.with("param_name", name))
        }
        other => Ok(other),
    };
    let wrong_token = || Refusal::new(Code::InvalidData).with("param_name", "page_token");
    let token = given("page_token")?
        .map(|text| Token::parse(text).ok_or_else(wrong_token))
        .transpose()?;
    let at = token.map_or(call.now, |token| token.at);
    let wanted = Wanted {
        module: call.param("module"),
        view: given("view")?,
        criteria: given("criteria")?,
        at,
    };
    let after = token.map(|token| token.after);
    let page = call
        .app
        .db
        .read(|tx| export::page(tx, call.actor.user, &wanted, after))?;
    let Page {
        fields,
        records,
        last,
    } = page;
    let data = records.into_iter().map(|record| {
        let mut object = Map::from_iter([("id".to_owned(), Json::from(record.id.to_string()))]);
        object.extend(fields.iter().cloned().zip(record.values));
        Json::Object(object)
    });
    let data: Vec<Json> = data.collect();
    let next = last.map(|after| Token { after, at }.text());
    Ok(Answer::ok(
        json!({ "fields": fields, "data": data, "next_page_token": next }),
    ))
}
