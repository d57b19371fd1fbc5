"""What stands beside a lead: tags, notes, a file and a link."""

import os

from zohocrmsdk.src.com.zoho.crm.api import attachments, notes, tags
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.util import StreamWrapper

import session
from leads import fresh_lead, insert, one_lead
from session import answered, nothing, parameters, refused, same, succeeded

TAGS = tags.TagsOperations()
FILES = attachments.AttachmentsOperations()
NOTES = notes.NotesOperations()


def named(names, kind=tags.Tag):
    made = []
    for name in names:
        tag = kind()
        tag.set_name(name)
        made.append(tag)
    return made


def add(leads, names):
    body = tags.NewTagRequestWrapper()
    body.set_tags(named(names))
    body.set_over_write(False)
    body.set_ids(leads)
    return TAGS.add_tags_to_multiple_records("Leads", body)


def remove(leads, names):
    body = tags.ExistingTagRequestWrapper()
    known = {tag.get_name(): tag.get_id() for tag in tags_of_leads()}
    made = named(names, tags.ExistingTag)
    for tag in made:
        tag.set_id(known[tag.get_name()])
    body.set_tags(made)
    body.set_ids(leads)
    return TAGS.remove_tags_from_multiple_records("Leads", body)


def tags_of_leads():
    asked = parameters([(tags.GetTagsParam.module, "Leads")])
    response = TAGS.get_tags(asked)
    return answered(response, 200, tags.ResponseWrapper, "the tags of Leads").get_tags()


def names_on(lead):
    return [tag.get_name() for tag in one_lead(lead).get_tag() or []]


def check_tags(lead, other):
    response = add([lead, other], ["Hot", "New"])
    answer = answered(response, 200, tags.RecordActionWrapper, "tags")
    same((answer.get_success_count(), answer.get_locked_count()), ("2", "0"), "how many")
    for item in answer.get_data():
        kind = tags.RecordSuccessResponse
        details = succeeded(item, kind, "tags updated successfully", "a tagged lead")
        same([tag.get_name() for tag in details_of(details)], ["Hot", "New"], "its tags")
    same(names_on(lead), ["Hot", "New"], "the tags of a lead")
    answered(remove([lead], ["New"]), 200, tags.RecordActionWrapper, "tags taken off")
    same(names_on(lead), ["Hot"], "the tags that are left")
    same([tag.get_name() for tag in tags_of_leads()], ["Hot", "New"], "the tags that there are")
    twice = tags.BodyWrapper()
    twice.set_tags(named(["hot"]))
    asked = parameters([(tags.CreateTagsParam.module, "Leads")])
    response = TAGS.create_tags(twice, asked)
    (item,) = answered(response, 400, tags.ActionWrapper, "a tag again").get_tags()
    refused(item, tags.APIException, "DUPLICATE_DATA", "duplicate data", "a tag again")


def details_of(details):
    return details.get_tags() if hasattr(details, "get_tags") else details["tags"]


def file_body(name, content):
    # Of a stream that is no file, the SDK does not send the name.
    path = os.path.join(session.FOLDER, name)
    with open(path, "wb") as out:
        out.write(content)
    body = attachments.FileBodyWrapper()
    body.set_file(StreamWrapper(file_path=path))
    return body


def listed(lead):
    asked = parameters([(attachments.GetAttachmentsParam.fields, "id,File_Name,Size,$link_url")])
    return FILES.get_attachments(lead, "Leads", asked)


def check_attachments(lead):
    nothing(listed(lead), "the attachments of a lead without any")
    content = bytes(range(256)) * 2_000
    response = FILES.upload_attachments(lead, "Leads", file_body("all bytes.bin", content))
    (item,) = answered(response, 200, attachments.ActionWrapper, "a file").get_data()
    kind, text = attachments.SuccessResponse, "attachment uploaded successfully"
    number = int(succeeded(item, kind, text, "a file")["id"])
    values = [
        (attachments.UploadUrlAttachmentsParam.attachmenturl, "https://example.com/plan"),
        (attachments.UploadUrlAttachmentsParam.title, "Plan"),
    ]
    response = FILES.upload_url_attachments(lead, "Leads", parameters(values))
    answered(response, 200, attachments.ActionWrapper, "a link")
    link, file = answered(listed(lead), 200, attachments.ResponseWrapper, "both").get_data()
    same((link.get_file_name(), link.get_link_url()), ("Plan", "https://example.com/plan"), "link")
    same((file.get_id(), file.get_file_name()), (number, "all bytes.bin"), "the file")
    same(file.get_size(), str(len(content)), "its size")
    response = FILES.get_attachment(number, lead, "Leads")
    found = answered(response, 200, attachments.FileBodyWrapper, "the file").get_file()
    read = b"".join(found.get_stream().iter_content(4096))
    assert read == content, "the file came back otherwise"
    response = FILES.delete_attachment(number, lead, "Leads")
    (item,) = answered(response, 200, attachments.ActionWrapper, "a deletion").get_data()
    succeeded(item, attachments.SuccessResponse, "record deleted", "a deletion")
    (left,) = answered(listed(lead), 200, attachments.ResponseWrapper, "the rest").get_data()
    same(left.get_file_name(), "Plan", "what is left")


def note(lead, title, content):
    made = notes.Note()
    made.set_note_title(title)
    made.set_note_content(content)
    parent = notes.ParentId()
    parent.set_id(lead)
    module = MinifiedModule()
    module.set_api_name("Leads")
    parent.set_module(module)
    made.set_parent_id(parent)
    body = notes.BodyWrapper()
    body.set_data([made])
    return body


def check_notes(lead):
    response = NOTES.create_notes(note(lead, "Call", "They like blue."))
    (item,) = answered(response, 201, notes.ActionWrapper, "a note").get_data()
    number = int(succeeded(item, notes.SuccessResponse, "record added", "a note")["id"])
    response = NOTES.get_note(number)
    (found,) = answered(response, 200, notes.ResponseWrapper, "a note").get_data()
    same((found.get_note_title(), found.get_note_content()), ("Call", "They like blue."), "it")
    same(found.get_parent_id().get_id(), lead, "what it is about")
    other = notes.BodyWrapper()
    changed = notes.Note()
    changed.set_note_content("They like green.")
    other.set_data([changed])
    response = NOTES.update_note(number, other)
    (item,) = answered(response, 200, notes.ActionWrapper, "a changed note").get_data()
    succeeded(item, notes.SuccessResponse, "record updated", "a changed note")
    (found,) = NOTES.get_note(number).get_object().get_data()
    same(found.get_note_content(), "They like green.", "its text")
    response = NOTES.delete_note(number)
    (item,) = answered(response, 200, notes.ActionWrapper, "a deletion").get_data()
    succeeded(item, notes.SuccessResponse, "record deleted", "a deletion")
    nothing(NOTES.get_note(number), "a note that is gone")


session.sign_in()
LEAD, OTHER = insert([fresh_lead("Tagged"), fresh_lead("Tagged too")])
check_tags(LEAD, OTHER)
check_attachments(LEAD)
check_notes(LEAD)
