"""Records: lists and their pages, one lead with fields of every type, insert, update, delete."""

import datetime

from zohocrmsdk.src.com.zoho.crm.api.layouts import Layouts
from zohocrmsdk.src.com.zoho.crm.api.record import (
    ActionWrapper,
    APIException,
    BodyWrapper,
    DeleteRecordsParam,
    Field,
    GetRecordsParam,
    Record,
    RecordOperations,
    ResponseWrapper,
    SuccessResponse,
)
from zohocrmsdk.src.com.zoho.crm.api.users import MinifiedUser
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, all_leads, all_users, fresh_lead, one_lead, view_id
from session import answered, nothing, parameters, refused, same, succeeded

CALLED = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)


def list_leads(values):
    asked = parameters([(GetRecordsParam.fields, "Last_Name,Lead_Status"), *values])
    return answered(OPERATIONS.get_records(asked), 200, ResponseWrapper, "a list of leads")


def check_pages():
    first = list_leads([(GetRecordsParam.page, 1), (GetRecordsParam.per_page, 120)])
    info = first.get_info()
    same((info.get_page(), info.get_per_page(), info.get_count()), (1, 120, 120), "the first page")
    same(info.get_more_records(), True, "there is more")
    third = list_leads([(GetRecordsParam.page, 3), (GetRecordsParam.per_page, 120)])
    same((len(third.get_data()), third.get_info().get_more_records()), (48, False), "the last page")
    beyond = parameters([(GetRecordsParam.fields, "Last_Name"), (GetRecordsParam.page, 9)])
    nothing(OPERATIONS.get_records(beyond), "a page beyond the last")


def check_page_tokens():
    seen, token = [], None
    while True:
        values = [(GetRecordsParam.per_page, 100)]
        if token:
            values.append((GetRecordsParam.page_token, token))
        page = list_leads(values)
        seen += [lead.get_id() for lead in page.get_data()]
        token = page.get_info().get_next_page_token()
        if not page.get_info().get_more_records():
            break
        assert token and len(seen) < 1000, f"no end after {len(seen)} leads"
    same((len(seen), len(set(seen))), (288, 288), "leads over page tokens, and different ones")
    same(set(seen), {lead.get_id() for lead in all_leads()}, "leads over pages, and over tokens")


def check_view():
    found = all_leads(view_id("Open Leads"))
    same(len(found), 240, "leads in the view Open Leads")
    closed = {"Junk Lead", "Lost Lead", "Not Qualified"}
    states = {lead.get_key_value("Lead_Status").get_value() for lead in found}
    assert not states & closed, f"states in Open Leads: {states}"


def check_refused_list():
    response = OPERATIONS.get_records(parameters([(GetRecordsParam.page, 1)]))
    error = answered(response, 400, APIException, "a list without fields")
    text = "One of the expected parameter is missing"
    details = refused(error, APIException, "REQUIRED_PARAM_MISSING", text, "without fields")
    same(details, {"param_name": "fields"}, "what is missing")


def new_contact():
    contact = Record()
    contact.add_field_value(Field.Contacts.last_name(), "Moura")
    (made,) = write(RecordOperations("Contacts").create_records, [contact], 201)
    return int(succeeded(made, SuccessResponse, "record added", "a contact")["id"])


def write(operation, records, status):
    body = BodyWrapper()
    body.set_data(records)
    response = operation(body)
    return answered(response, status, ActionWrapper, operation.__name__).get_data()


def choices(*values):
    return [Choice(value) for value in values]


def full_lead(contact, owner, technician):
    """A lead with a value in a field of every type."""
    lead = Record()
    lead.add_field_value(Field.Leads.last_name(), "Sandoval")
    lead.add_field_value(Field.Leads.company(), "Dune Robotics")
    lead.add_field_value(Field.Leads.email(), "sandoval@example.com")
    lead.add_field_value(Field.Leads.lead_source(), Choice("Partner"))
    lead.add_field_value(Field.Leads.annual_revenue(), 1250000.5)
    values = {
        "Owner": user(owner),
        "Technician": user(technician),
        "Referred_By": reference(contact),
        "Pump_Type": Choice("Borehole"),
        "Uses": choices("Irrigation", "Livestock"),
        "Budget": 18250.75,
        "Wanted_By": datetime.date(2031, 2, 28),
        "Last_Called": CALLED,
        "Has_Grid": True,
        "Well_Depth": 41.5,
        "Score": 77,
        "WhatsApp": "+351 912 345 678",
        "Site_Notes": "Gate on the north side.\nAsk for Élise.",
        "External_Id": "sdk-1",
    }
    for name, value in values.items():
        lead.add_key_value(name, value)
    return lead, values


def user(number):
    made = MinifiedUser()
    made.set_id(number)
    return made


def reference(number):
    made = Record()
    made.set_id(number)
    return made


def check_full_lead():
    contact = new_contact()
    people = all_users()
    owner, technician = people["joana.brito"], people["oskar.lind"]
    lead, values = full_lead(contact, owner, technician)
    (made,) = write(OPERATIONS.create_records, [lead], 201)
    details = succeeded(made, SuccessResponse, "record added", "a lead")
    same(details["Created_By"].get_name(), "Ada Kestrel", "who made it")
    found = one_lead(int(details["id"]))
    same(found.get_key_value("Owner").get_id(), owner, "the owner")
    same(found.get_key_value("Owner").get_name(), "Joana Brito", "the owner's name")
    same(found.get_key_value("Technician").get_id(), technician, "a lookup of a user")
    same(found.get_key_value("Referred_By").get_id(), contact, "a lookup")
    same(found.get_key_value("Referred_By").get_key_value("name"), "Moura", "the name behind it")
    uses = [choice.get_value() for choice in found.get_key_value("Uses")]
    same(uses, ["Irrigation", "Livestock"], "a multi-select picklist")
    for name in ("Pump_Type", "Lead_Source"):
        assert isinstance(found.get_key_value(name), Choice), f"{name} is no Choice"
    same(found.get_key_value("Pump_Type").get_value(), "Borehole", "a picklist")
    plain = set(values) - {"Owner", "Technician", "Referred_By", "Uses", "Pump_Type"}
    for name in sorted(plain):
        value = found.get_key_value(name)
        same((type(value), value), (type(values[name]), values[name]), name)
    same(found.get_key_value("Annual_Revenue"), 1250000.5, "a currency field")
    check_system_fields(found)
    return int(details["id"])


def check_system_fields(lead):
    for name in ("Created_Time", "Modified_Time", "Last_Called"):
        assert lead.get_key_value(name).tzinfo is not None, f"{name} has no offset"
    same(lead.get_created_by().get_name(), "Ada Kestrel", "Created_By")
    same(lead.get_modified_by().get_name(), "Ada Kestrel", "Modified_By")
    number = lead.get_key_value("Lead_Number")
    assert isinstance(number, str) and number.startswith("L-"), f"Lead_Number: {number!r}"
    layout = lead.get_key_value("Layout")
    assert isinstance(layout, Layouts), f"Layout: {layout!r}"
    same(layout.get_name(), "Standard", "the layout")
    same(lead.get_key_value("Locked__s"), False, "Locked__s")
    same(lead.get_key_value("Tag") or [], [], "Tag")
    same(lead.get_key_value("Full_Name"), "Sandoval", "Full_Name")


def check_insert():
    without = Record()
    without.add_field_value(Field.Leads.company(), "Elm Street Dairy")
    long = fresh_lead("x" * 81)
    good = fresh_lead("Kaya")
    made, missing, too_long = write(OPERATIONS.create_records, [good, without, long], 207)
    lead = int(succeeded(made, SuccessResponse, "record added", "the good lead")["id"])
    text = "required field not found"
    details = refused(missing, APIException, "MANDATORY_NOT_FOUND", text, "without Last_Name")
    path = "$.data[1].Last_Name"
    same(details, {"api_name": "Last_Name", "json_path": path}, "which field is missing")
    details = refused(too_long, APIException, "INVALID_DATA", "invalid data", "too long")
    same(str(details["maximum_length"]), "80", "how long it may be")
    return lead


def check_update(lead):
    change = Record()
    change.add_field_value(Field.Leads.company(), "Fjord Textiles")
    body = BodyWrapper()
    body.set_data([change])
    response = OPERATIONS.update_record(lead, body)
    (item,) = answered(response, 200, ActionWrapper, "an update").get_data()
    succeeded(item, SuccessResponse, "record updated", "an update")
    same(one_lead(lead).get_key_value("Company"), "Fjord Textiles", "the updated company")
    known, unknown = reference(lead), reference(session.NO_SUCH_ID)
    for one in (known, unknown):
        one.add_field_value(Field.Leads.city(), "Porto")
        one.add_key_value("Pump_Type", None)
    done, not_done = write(OPERATIONS.update_records, [known, unknown], 207)
    succeeded(done, SuccessResponse, "record updated", "the first of two updates")
    text = "the id given seems to be invalid"
    refused(not_done, APIException, "INVALID_DATA", text, "an update of nothing")
    found = one_lead(lead)
    same(found.get_key_value("City"), "Porto", "the updated city")
    same(found.get_key_value("Pump_Type"), None, "the emptied picklist")


def check_unique(lead):
    twin = fresh_lead("Twin")
    twin.add_key_value("External_Id", "sdk-1")
    (item,) = write(OPERATIONS.create_records, [twin], 400)
    details = refused(item, APIException, "DUPLICATE_DATA", "duplicate data", "a twin")
    same(details["duplicate_record"].get_id(), lead, "whose value it is")


def check_delete(first, second):
    ids = f"{first},{session.NO_SUCH_ID}"
    response = OPERATIONS.delete_records(parameters([(DeleteRecordsParam.ids, ids)]))
    done, unknown = answered(response, 207, ActionWrapper, "a delete of two").get_data()
    details = succeeded(done, SuccessResponse, "record deleted", "a delete")
    same(int(details["id"]), first, "the deleted id")
    text = "record not deleted"
    refused(unknown, APIException, "INVALID_DATA", text, "a delete of nothing")
    response = OPERATIONS.delete_record(second)
    (item,) = answered(response, 200, ActionWrapper, "a delete by path").get_data()
    succeeded(item, SuccessResponse, "record deleted", "a delete by path")
    for lead in (first, second):
        nothing(OPERATIONS.get_record(lead), "a deleted lead")


if __name__ == "__main__":
    session.sign_in()
    check_pages()
    check_page_tokens()
    check_view()
    check_refused_list()
    FULL = check_full_lead()
    check_unique(FULL)
    PLAIN = check_insert()
    check_update(PLAIN)
    check_delete(FULL, PLAIN)
