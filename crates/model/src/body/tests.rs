use super::*;

fn map(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        other => panic!("{other}"),
    }
}

/// Code, api name, path and expected type of a refusal.
fn said<T: std::fmt::Debug>(read: Result<T, Refusal>) -> String {
    let refusal = read.unwrap_err();
    let detail = |key: &str| {
        let value = refusal.details.get(key);
        value.and_then(Json::as_str).unwrap_or("-").to_owned()
    };
    let [name, path, kind] = ["api_name", "json_path", "expected_data_type"].map(detail);
    format!("{} {name} {path} {kind}", refusal.code.as_str())
}

#[test]
fn a_place_says_the_whole_way() {
    let place = Place::body().key("data").item(3).key("Owner").key("id");
    assert_eq!(place.api_name(), "id");
    assert_eq!(place.json_path(), "$.data[3].Owner.id");
    let item = Place::body().key("ids").item(0);
    assert_eq!(
        item.to_json(),
        json!({ "api_name": "ids", "json_path": "$.ids[0]" })
    );
    assert_eq!(item.called("x").mandatory().details["api_name"], "x");
    let words = Place::body().key("a").no_such_word(["b", "c"]);
    assert_eq!(words.details["supported_values"], json!(["b", "c"]));
    let at = Refusal::new(Code::NoPermission).at(&Place::body().key("a"));
    assert_eq!(at, {
        let refusal = Refusal::new(Code::NoPermission).with("api_name", "a");
        refusal.with("json_path", "$.a")
    });
}

#[test]
fn what_is_there_is_read() {
    let body = map(json!({
        "text": "a", "flag": true, "whole": 5, "id": "7", "number": 7,
        "object": { "in": [{ "id": 9 }] },
    }));
    for manner in [Manner::WIRE, Manner::NATIVE, Manner::NATIVE_STRICT] {
        let body = Object::body(&body, manner);
        assert_eq!(body.key("text").text(), Ok(Some("a")));
        assert_eq!(body.key("flag").flag(), Ok(true));
        assert_eq!(body.key("whole").whole(1..=5), Ok(Some(5)));
        assert_eq!(body.key("id").id(), Ok(Some(7)));
        let inner = body.key("object").object().unwrap().unwrap();
        let items = inner.key("in").items().unwrap();
        assert_eq!(items[0].place().json_path(), "$.object.in[0]");
        assert_eq!(items[0].place().api_name(), "in");
        for absent in ["none", "other"] {
            assert_eq!(body.key(absent).text(), Ok(None));
            assert_eq!(body.key(absent).flag(), Ok(false));
            assert_eq!(body.key(absent).whole(1..=5), Ok(None));
            assert_eq!(body.key(absent).id(), Ok(None));
            assert!(body.key(absent).object().unwrap().is_none());
            assert!(body.key(absent).list().unwrap().is_none());
        }
        assert_eq!(
            body.keys().collect::<Vec<_>>(),
            body.nodes()
                .map(|node| node.place().api_name().to_owned())
                .collect::<Vec<_>>()
        );
    }
    let id = Object::body(&body, Manner::WIRE).key("number").id();
    assert_eq!(id, Ok(Some(7)));
}

#[test]
fn each_manner_refuses_in_its_words() {
    let body = map(json!({
        "null": null, "empty": "", "list": [], "object": {}, "number": 7, "text": "x\u{0}y",
    }));
    let each = |read: fn(&Object<'_>) -> String| {
        [Manner::WIRE, Manner::NATIVE, Manner::NATIVE_STRICT]
            .map(|manner| read(&Object::body(&body, manner)))
    };
    assert_eq!(
        each(|body| format!("{:?}", body.key("null").text().map_err(|_| ()))),
        ["Err(())", "Ok(None)", "Err(())"]
    );
    assert_eq!(
        each(|body| said(body.key("null").required().and_then(|node| node.text()))),
        [
            "INVALID_DATA null $.null string",
            "MANDATORY_NOT_FOUND null $.null -",
            "INVALID_DATA null $.null string",
        ]
    );
    assert_eq!(
        each(|body| said(body.key("null").or_null().required())),
        ["MANDATORY_NOT_FOUND null $.null -"; 3]
    );
    assert_eq!(
        each(|body| said(body.key("null").flag())),
        ["INVALID_DATA null $.null boolean"; 3]
    );
    assert_eq!(
        each(|body| said(body.key("null").object())),
        ["INVALID_DATA null $.null jsonobject"; 3]
    );
    assert_eq!(
        each(|body| format!("{:?}", body.key("empty").text().map_err(|_| ()))),
        ["Ok(Some(\"\"))", "Err(())", "Err(())"]
    );
    assert_eq!(
        each(|body| said(body.key("list").items())),
        [
            "MANDATORY_NOT_FOUND list $.list -",
            "INVALID_DATA list $.list jsonarray",
            "INVALID_DATA list $.list jsonarray",
        ]
    );
    assert_eq!(
        each(|body| body.key("object").object().is_ok().to_string()),
        ["true", "false", "false"]
    );
    assert_eq!(
        each(|body| said(body.key("number").whole(1..=6))),
        [
            "INVALID_DATA number $.number long",
            "INVALID_DATA number $.number integer",
            "INVALID_DATA number $.number long",
        ]
    );
    assert_eq!(
        each(|body| body.key("number").id().is_ok().to_string()),
        ["true", "false", "false"]
    );
    assert_eq!(
        each(|body| said(body.key("empty").required().and_then(|node| node.id()))),
        [
            "INVALID_DATA empty $.empty long",
            "INVALID_DATA empty $.empty id",
            "INVALID_DATA empty $.empty id",
        ]
    );
    assert_eq!(
        each(|body| {
            let node = body.key("text").required().unwrap();
            let long = node.text_up_to(2).unwrap_err();
            format!(
                "{} {}",
                long.details["maximum_length"],
                said(node.text_up_to(3))
            )
        }),
        ["2 INVALID_DATA text $.text string"; 3]
    );
    assert_eq!(
        each(|body| {
            let known = body.known(&["null", "empty", "list", "object", "number"]);
            let sentence = known.clone().unwrap_err().message;
            format!("{}: {sentence}", said(known))
        }),
        [
            "INVALID_DATA text $.text -: invalid data",
            "INVALID_DATA text $.text -: there is no such key",
            "INVALID_DATA text $.text -: there is no such key",
        ]
    );
}

#[test]
fn a_list_has_so_many_items_and_no_more() {
    let body = map(json!({ "data": [1, 2] }));
    let data = Object::body(&body, Manner::WIRE).key("data").required();
    let data = data.unwrap();
    assert_eq!(data.items_up_to(2).unwrap().len(), 2);
    let long = data.items_up_to(1).unwrap_err();
    assert_eq!(long, {
        let refusal = Refusal::invalid("data", "$.data");
        refusal.with("maximum_length", 1)
    });
    assert_eq!(
        said(data.items().unwrap()[1].object()),
        "INVALID_DATA data $.data[1] jsonobject"
    );
}
