//! Files and links attached to records.

use crate::api::Api;
use crate::demo::Caller;
use model::access::Sharing;
use model::limits::ATTACHMENT_BYTES_MAX;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::net::TcpStream;
use testkit::{Kind, each_db};

each_db! {
    a_file_is_attached_listed_read_and_deleted,
    a_file_comes_back_byte_by_byte,
    a_link_is_attached_and_told_but_not_followed,
    names_that_lead_elsewhere_are_made_harmless,
    a_file_of_twenty_megabytes_is_taken_and_a_larger_one_refused,
    a_stranger_can_send_no_file,
    what_is_refused_in_a_file_or_a_link,
    an_upload_that_breaks_off_leaves_nothing,
    an_attachment_is_seen_and_changed_as_its_record_is,
    a_record_can_be_given_a_hundred_attachments,
    attachments_come_back_from_the_recycle_bin_and_end_with_it,
    several_are_deleted_or_none,
}

impl Caller<'_> {
    fn attached(&self, lead: &str) -> Vec<Json> {
        let reply = self.get(&format!("Leads/{lead}/Attachments?fields=File_Name,Size"));
        if reply.status == 204 {
            return Vec::new();
        }
        reply.items()
    }

    fn lead(&self) -> String {
        self.make("Leads", &[json!({ "Last_Name": "Lee" })])
            .remove(0)
    }
}

mod check {
    use super::*;

    pub(super) fn a_file_is_attached_listed_read_and_deleted(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, meera) = (api.caller("admin"), api.caller("meera"));
        let lead = ada.lead();
        let path = format!("Leads/{lead}/Attachments");
        assert_eq!(ada.get(&format!("{path}?fields=id")).status, 204);
        let reply = meera.send_file("Leads", &lead, "offer.txt", b"Hello");
        let (id, at) = (reply.ids().remove(0), "2024-01-01T05:30:00+05:30");
        let brief = json!({ "name": "Meera Kulkarni", "id": api.user("meera").to_string() });
        let details = json!({
            "Modified_Time": at, "Modified_By": brief, "Created_Time": at, "id": id,
            "Created_By": brief,
        });
        reply.is(
            200,
            &json!({ "data": [{
            "code": "SUCCESS", "details": details, "message": "attachment uploaded successfully",
            "status": "success",
        }] }),
        );
        let by = {
            let mut user = brief.clone();
            user["email"] = api
                .catalog()
                .user(api.user("meera"))
                .unwrap()
                .email
                .clone()
                .into();
            user
        };
        let whole = json!({
            "Owner": by, "Modified_By": by, "Created_By": by,
            "Parent_Id": { "name": "Lee", "id": lead }, "$attachment_type": 0, "id": id,
            "Modified_Time": at, "Created_Time": at, "File_Name": "offer.txt", "Size": "5",
            "$editable": true, "$file_id": id, "$type": "Attachment", "$se_module": "Leads",
            "$state": "save", "$link_url": null,
        });
        let listed = meera.speaking(server::Version::V2).get(&path);
        assert_eq!(listed.items(), [whole]);
        let one = format!("{path}/{id}");
        let read = ada.get(&one);
        assert_eq!((read.status, read.text.as_str()), (200, "Hello"));
        for (name, value) in [
            ("content-type", "application/octet-stream"),
            (
                "content-disposition",
                "attachment; filename=\"offer.txt\"; filename*=UTF-8''offer.txt",
            ),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(read.header(name), Some(value), "{name}");
        }
        let gone = json!({ "data": [{
            "code": "SUCCESS", "details": { "id": id }, "message": "record deleted",
            "status": "success",
        }] });
        ada.delete(&one).is(200, &gone);
        assert_eq!(ada.get(&one).status, 204);
        let text = "the relation id given seems to be invalid";
        let wrong = json!({ "resource_path_index": 3 });
        for path in [&one, &format!("{path}/x")] {
            ada.delete(path).is_error(400, "INVALID_DATA", text, &wrong);
        }
        // The content is gone as soon as a worker has time, and the record has no revision by it.
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM attachment_pieces"), 0);
        assert_eq!(api.rows("changes", &["rev", "cause"]), ["changes: 1 | api"]);
    }

    pub(super) fn a_file_comes_back_byte_by_byte(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        // Several pieces, the last one short, of every byte there is.
        let content: Vec<u8> = (0..1_000_003_u32)
            .map(|n| u8::try_from((n % 251 + n / 7) % 256).unwrap())
            .collect();
        let id = ada.attach("Leads", &lead, "all.bin", &content);
        assert!(api.number("SELECT count(*) FROM attachment_pieces") > 4);
        assert_eq!(ada.attached(&lead)[0]["Size"], content.len().to_string());
        let token = api.token(api.user("admin"), "ZohoCRM.modules.ALL");
        let url = format!("{}/crm/v7/Leads/{lead}/Attachments/{id}", api.url);
        let request = ureq::get(&url).header("Authorization", format!("Zoho-oauthtoken {token}"));
        let read = request.call().unwrap().body_mut().read_to_vec().unwrap();
        assert!(read == content);
        assert_eq!(api.number("SELECT count(*) FROM loose_contents"), 0);
    }

    pub(super) fn a_link_is_attached_and_told_but_not_followed(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let path = format!("Leads/{lead}/Attachments");
        let link = "https%3A%2F%2Fexample.com%2Fa%3Fb";
        let reply = ada.send(
            "POST",
            &format!("{path}?attachmentUrl={link}&title=Plan"),
            &[],
            b"",
        );
        assert_eq!(reply.status, 200, "{}", reply.text);
        let untitled = ada.send("POST", &format!("{path}?attachmentUrl={link}"), &[], b"");
        assert_eq!(untitled.status, 200);
        let listed = ada
            .get(&format!("{path}?fields=File_Name,Size,$link_url,$type"))
            .items();
        let told = |name: &str| {
            json!({
                "id": "", "File_Name": name, "Size": "0", "$type": "Link URL",
                "$link_url": "https://example.com/a?b",
            })
        };
        let listed: Vec<Json> = listed
            .into_iter()
            .map(|mut one| {
                one["id"] = "".into();
                one
            })
            .collect();
        assert_eq!(listed, [told("https://example.com/a?b"), told("Plan")]);
        let id = reply.ids().remove(0);
        let text = "the attachment is a link, not a file: its $link_url says where it leads";
        ada.get(&format!("{path}/{id}"))
            .is_error(400, "NOT_SUPPORTED", text, &json!({}));
        assert_eq!(ada.delete(&format!("{path}/{id}")).status, 200);
        assert_eq!(ada.attached(&lead).len(), 1);
    }

    pub(super) fn names_that_lead_elsewhere_are_made_harmless(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        for (sent, kept, header) in [
            (
                "../../../etc/passwd",
                "passwd",
                "filename=\"passwd\"; filename*=UTF-8''passwd",
            ),
            (
                "C:\\Windows\\boot.ini",
                "boot.ini",
                "filename=\"boot.ini\"; filename*=UTF-8''boot.ini",
            ),
            ("..", "file", "filename=\"file\"; filename*=UTF-8''file"),
            (
                "a%22;x=y.txt",
                "a\";x=y.txt",
                "filename=\"a_;x=y.txt\"; filename*=UTF-8''a%22%3Bx%3Dy.txt",
            ),
            (
                "Zo\u{eb}.pdf",
                "Zo\u{eb}.pdf",
                "filename=\"Zo_.pdf\"; filename*=UTF-8''Zo%C3%AB.pdf",
            ),
        ] {
            let id = ada.attach("Leads", &lead, sent, b"x");
            assert_eq!(ada.attached(&lead)[0]["File_Name"], kept);
            let read = ada.get(&format!("Leads/{lead}/Attachments/{id}"));
            let wanted = format!("attachment; {header}");
            assert_eq!(read.header("content-disposition"), Some(wanted.as_str()));
        }
    }

    pub(super) fn a_file_of_twenty_megabytes_is_taken_and_a_larger_one_refused(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let mut content = vec![b'x'; ATTACHMENT_BYTES_MAX];
        ada.attach("Leads", &lead, "most.bin", &content);
        let size = ATTACHMENT_BYTES_MAX.to_string();
        assert_eq!(ada.attached(&lead)[0]["Size"], size);
        let details = json!({ "maximum_length": ATTACHMENT_BYTES_MAX });
        let too_large = "the file is too large";
        content.push(b'x');
        let reply = ada.send_file("Leads", &lead, "more.bin", &content);
        reply.is_error(413, "INVALID_DATA", too_large, &details);
        // So much is not even kept until it is whole.
        content.resize(ATTACHMENT_BYTES_MAX + 1024 * 1024, b'x');
        let reply = ada.send_file("Leads", &lead, "more.bin", &content);
        reply.is_error(413, "INVALID_DATA", too_large, &details);
        assert_eq!(ada.attached(&lead).len(), 1);
        assert_eq!(api.number("SELECT count(*) FROM loose_contents"), 0);
        // No other route takes a body of that size.
        let reply = ada.send(
            "POST",
            &format!("Leads/{lead}/Notes"),
            &[],
            &content[..4_000_000],
        );
        assert_eq!(reply.status, 413);
    }

    pub(super) fn a_stranger_can_send_no_file(kind: Kind) {
        let api = Api::start_demo(kind);
        let lead = api.caller("admin").lead();
        let path = format!("/crm/v7/Leads/{lead}/Attachments");
        let form = ("Content-Type", "multipart/form-data; boundary=parts");
        let content = vec![b'x'; 3 * 1024 * 1024];
        let reply = api.send("POST", &path, &[form], &content);
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (401, &json!("AUTHENTICATION_FAILURE"))
        );
        let bad = ("Authorization", "Zoho-oauthtoken 1000.aa.bb");
        let reply = api.send("POST", &path, &[form, bad], &content);
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (401, &json!("INVALID_TOKEN"))
        );
        let narrow = api.caller_with("admin", "ZohoCRM.modules.leads.ALL");
        let reply = narrow.send_file("Leads", &lead, "a.txt", b"x");
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (401, &json!("OAUTH_SCOPE_MISMATCH"))
        );
        assert_eq!(api.number("SELECT count(*) FROM attachment_pieces"), 0);
    }

    pub(super) fn what_is_refused_in_a_file_or_a_link(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let path = format!("Leads/{lead}/Attachments");
        let refused = |text: &str, reply: crate::api::Reply| {
            reply.is_error(400, "INVALID_DATA", text, &json!({}));
        };
        api.unchanged_by(|| {
            refused("the file is empty", ada.send_file("Leads", &lead, "a.txt", b""));
            let form = [("Content-Type", "multipart/form-data; boundary=parts")];
            let send = |body: &[u8]| ada.send("POST", &path, &form, body);
            refused("the form has no file in a part called file", send(b"--parts--"));
            refused("the form breaks off", send(b"--parts\r\nContent-Disposition: form-data"));
            let text = "send the file as multipart/form-data, in the part called file, or a link in the \
                        parameter attachmentUrl";
            refused(text, ada.post(&path, &json!({ "file": "x" })));
            let long = ada.send_file("Leads", &lead, &"x".repeat(256), b"x");
            let most = json!({ "maximum_length": 255 });
            long.is_error(400, "INVALID_DATA", "the file's name is too long", &most);
            let about = json!({ "param_name": "attachmentUrl" });
            let text = "a link starts with https:// or http:// and has no white space";
            for link in ["", "javascript:alert(1)", "file:///etc/passwd", "https://", "https://a%0Ab", "/x"] {
                let reply = ada.send("POST", &format!("{path}?attachmentUrl={link}"), &[], b"");
                reply.is_error(400, "INVALID_DATA", text, &about);
            }
            let link = format!("https://example.com/{}", "x".repeat(2_000));
            let reply = ada.send("POST", &format!("{path}?attachmentUrl={link}"), &[], b"");
            assert_eq!(reply.json()["details"]["maximum_length"], 2_000);
            let title = "x".repeat(256);
            let path = format!("{path}?attachmentUrl=https://example.com&title={title}");
            let reply = ada.send("POST", &path, &[], b"");
            assert_eq!(reply.json()["details"]["param_name"], "title");
            let unknown = json!({ "resource_path_index": 1 });
            let text = "the related id given seems to be invalid";
            let reply = ada.send_file("Leads", "9", "a.txt", b"x");
            reply.is_error(400, "INVALID_DATA", text, &unknown);
        });
    }

    pub(super) fn an_upload_that_breaks_off_leaves_nothing(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let token = api.token(api.user("admin"), "ZohoCRM.modules.ALL");
        let address = api.url.strip_prefix("http://").unwrap();
        // Both places for files, twice over: whoever breaks off gives theirs back.
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = format!(
                "POST /crm/v7/Leads/{lead}/Attachments HTTP/1.1\r\nHost: a\r\n\
                 Authorization: Zoho-oauthtoken {token}\r\nContent-Length: 9000000\r\n\
                 Content-Type: multipart/form-data; boundary=parts\r\n\r\n--parts\r\n\
                 Content-Disposition: form-data; name=\"file\"; filename=\"half.bin\"\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&vec![b'x'; 3_000_000]).unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        ada.attach("Leads", &lead, "whole.bin", b"x");
        let names: Vec<Json> = ada
            .attached(&lead)
            .into_iter()
            .map(|one| one["File_Name"].clone())
            .collect();
        assert_eq!(names, ["whole.bin"]);
        // A server that was killed between the pieces and the end leaves content that nothing shows and
        // that does not stay.
        api.execute("INSERT INTO loose_contents (attachment, at) VALUES (1, 0)");
        api.execute(
            "INSERT INTO attachment_pieces (attachment, place, content) VALUES (1, 0, 'eA==')",
        );
        assert_eq!(ada.attached(&lead).len(), 1);
        assert_eq!(ada.get(&format!("Leads/{lead}/Attachments/1")).status, 204);
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM attachment_pieces"), 1);
        assert_eq!(api.number("SELECT count(*) FROM loose_contents"), 0);
    }

    pub(super) fn an_attachment_is_seen_and_changed_as_its_record_is(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, rohan) = (api.caller("admin"), api.caller("rohan.desai"));
        let (lead, other) = (ada.lead(), ada.lead());
        let id = ada.attach("Leads", &lead, "a.txt", b"secret");
        let list = format!("Leads/{lead}/Attachments");
        let one = format!("{list}/{id}");
        // Another record's path names no attachment of this one.
        let elsewhere = format!("Leads/{other}/Attachments/{id}");
        assert_eq!(ada.get(&elsewhere).status, 204);
        assert_eq!(ada.delete(&elsewhere).json()["code"], "INVALID_DATA");
        api.make_private("Leads");
        api.unchanged_by(|| {
            assert_eq!(rohan.get(&one).status, 204);
            assert_eq!(rohan.get(&format!("{list}?fields=id")).status, 204);
            for reply in [
                rohan.delete(&one),
                rohan.send_file("Leads", &lead, "b.txt", b"x"),
            ] {
                assert_eq!(reply.json()["code"], "INVALID_DATA");
            }
        });
        api.share_module("Leads", Sharing::PublicReadOnly);
        let text = "no permission to perform an action on this record";
        let details = json!({ "id": lead });
        api.unchanged_by(|| {
            assert_eq!(rohan.get(&one).text, "secret");
            for reply in [
                rohan.delete(&one),
                rohan.send_file("Leads", &lead, "b.txt", b"x"),
            ] {
                reply.is_error(400, "CANNOT_PERFORM_ACTION", text, &details);
            }
        });
        assert_eq!(api.number("SELECT count(*) FROM loose_contents"), 0);
    }

    pub(super) fn a_record_can_be_given_a_hundred_attachments(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let path = format!("Leads/{lead}/Attachments?attachmentUrl=https://example.com");
        for _ in 0..100 {
            assert_eq!(ada.send("POST", &path, &[], b"").status, 200);
        }
        let text = "the record can be given no more attachments: delete some first";
        let reply = ada.send_file("Leads", &lead, "one.txt", b"more");
        reply.is_error(400, "LIMIT_EXCEEDED", text, &json!({ "limit": 100 }));
        assert_eq!(api.number("SELECT count(*) FROM attachment_pieces"), 0);
    }

    pub(super) fn attachments_come_back_from_the_recycle_bin_and_end_with_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let id = ada.attach("Leads", &lead, "a.txt", b"kept");
        let one = format!("Leads/{lead}/Attachments/{id}");
        ada.delete(&format!("Leads/{lead}"));
        assert_eq!(ada.get(&one).status, 204);
        let bin = format!("settings/recycle_bin/{lead}");
        assert_eq!(
            ada.post(&format!("{bin}/actions/restore"), &json!({}))
                .status,
            200
        );
        assert_eq!(ada.get(&one).text, "kept");
        ada.delete(&format!("Leads/{lead}"));
        assert_eq!(ada.delete(&bin).status, 200);
        assert_eq!(api.number("SELECT count(*) FROM attachments"), 0);
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM attachment_pieces"), 0);
    }

    pub(super) fn several_are_deleted_or_none(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.lead();
        let ids: Vec<String> = ["a", "b", "c"]
            .map(|name| ada.attach("Leads", &lead, name, b"x"))
            .to_vec();
        let path = format!("Leads/{lead}/Attachments");
        let delete = |ids: &str| ada.delete(&format!("{path}?ids={ids}"));
        api.unchanged_by(|| {
            assert_eq!(
                delete(&format!("{},9", ids[0])).json()["code"],
                "INVALID_DATA"
            );
            assert_eq!(delete("").json()["code"], "REQUIRED_PARAM_MISSING");
            assert_eq!(delete("x").json()["code"], "UNABLE_TO_PARSE_DATA_TYPE");
            let many: Vec<String> = (1..=101).map(|id| id.to_string()).collect();
            assert_eq!(delete(&many.join(",")).json()["code"], "LIMIT_EXCEEDED");
        });
        let reply = delete(&format!("{},{}", ids[0], ids[2]));
        assert_eq!((reply.status, reply.codes().len()), (200, 2));
        let names: Vec<Json> = ada
            .attached(&lead)
            .into_iter()
            .map(|one| one["File_Name"].clone())
            .collect();
        assert_eq!(names, ["b"]);
    }
}
