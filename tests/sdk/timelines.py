"""Timelines: what happened to a lead, page by page, and what is refused."""

from zohocrmsdk.src.com.zoho.crm.api import record, timelines
from zohocrmsdk.src.com.zoho.crm.api.timelines import GetTimelinesParam
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, fresh_lead, insert
from session import answered, parameters, refused, same


def asked(lead, values=()):
    operations = timelines.TimelinesOperations()
    return operations.get_timelines("Leads", str(lead), parameters(values))


def told(lead, values=()):
    what = "a timeline"
    found = answered(asked(lead, values), 200, timelines.ResponseWrapper, what)
    return found.get_timeline(), found.get_info()


def change(lead, field, value):
    changed = record.Record()
    changed.add_key_value(field, value)
    body = record.BodyWrapper()
    body.set_data([changed])
    response = OPERATIONS.update_record(lead, body)
    answered(response, 200, record.ActionWrapper, "an update")


def check_entries(lead):
    entries, info = told(lead)
    same([entry.get_action() for entry in entries], ["updated", "updated", "added"], "actions")
    same((info.get_count(), info.get_more_records()), (3, False), "what is told of the list")
    newest = entries[0]
    same(newest.get_id(), 3, "the id of the newest")
    same(newest.get_done_by().get_name(), "Ada Kestrel", "who did it")
    same(newest.get_record().get_id(), lead, "whose timeline it is")
    same(newest.get_record().get_module().get_api_name(), "Leads", "of which module")
    assert newest.get_audited_time().tzinfo is not None, "the time has no offset"
    (field,) = newest.get_field_history()
    values = field.get_value()
    found = (field.get_api_name(), values.get_old(), values.get_new())
    same(found, ("Lead_Source", "Chat", "Trade Show"), "what it changed")


def check_pages(lead):
    first, info = told(lead, [(GetTimelinesParam.per_page, "2")])
    same(([entry.get_id() for entry in first], info.get_more_records()), ([3, 2], True), "a page")
    token = info.get_next_page_token()
    rest, info = told(lead, [(GetTimelinesParam.page_token, token)])
    same(([entry.get_id() for entry in rest], info.get_more_records()), ([1], False), "the rest")


def check_details(lead):
    wanted = [(GetTimelinesParam.include_inner_details, Choice("field_history.data_type"))]
    (newest, *_), _ = told(lead, wanted)
    (field,) = newest.get_field_history()
    same(field.get_data_type(), "picklist", "the type of the field")


def check_refusals(lead):
    response = asked(session.NO_SUCH_ID)
    error = answered(response, 400, timelines.APIException, "a lead that is none")
    text = "the related id given seems to be invalid"
    kind = timelines.APIException
    details = refused(error, kind, "INVALID_DATA", text, "a lead that is none")
    same(details["resource_path_index"], 1, "where the id stands")


session.sign_in()
(LEAD,) = insert([fresh_lead("Timely")])
for source in ("Chat", "Trade Show"):
    change(LEAD, "Lead_Source", Choice(source))
check_entries(LEAD)
check_pages(LEAD)
check_details(LEAD)
check_refusals(LEAD)
