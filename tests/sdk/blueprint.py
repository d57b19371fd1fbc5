"""Blueprints: a lead enters one, is shown its ways, goes them, and is left alone beside them."""

from zohocrmsdk.src.com.zoho.crm.api import blueprint, record
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, fresh_lead, insert, one_lead
from session import answered, refused, same, succeeded

DONE = "transition updated successfully"


def blueprint_of(lead):
    return blueprint.BlueprintOperations(str(lead), "Leads")


def shown(lead):
    response = blueprint_of(lead).get_blueprint()
    return answered(response, 200, blueprint.ResponseWrapper, "a blueprint").get_blueprint()


def go(lead, transition, values=()):
    """Goes a way with these values; answers the response."""
    data = record.Record()
    for name, value in values:
        data.add_key_value(name, value)
    one = blueprint.BluePrint()
    one.set_transition_id(str(transition))
    one.set_data(data)
    body = blueprint.BodyWrapper()
    body.set_blueprint([one])
    return blueprint_of(lead).update_blueprint(body)


def new_lead():
    made = fresh_lead("Okafor")
    made.add_field_value(record.Field.Leads.lead_status(), Choice("Not Contacted"))
    return insert([made])[0]


def check_ways(lead):
    found = shown(lead)
    info = found.get_process_info()
    told = (info.get_api_name(), info.get_name(), info.get_field_value(), info.get_escalation())
    same(told, ("Lead_Status", "Follow-up", "Not Contacted", None), "the process")
    (way,) = found.get_transitions()
    told = (way.get_name(), way.get_next_field_value(), way.get_criteria_matched())
    same(told, ("Call", "Contacted", True), "the only way")
    fields = [(field.get_api_name(), field.get_mandatory()) for field in way.get_fields()]
    wanted = [("Phone", True), ("Annual_Revenue", True), ("Referred_By", True)]
    same(fields, wanted, "what the way demands")
    same([next.get_name() for next in way.get_next_transitions()], ["Give up"], "what comes next")
    return way.get_id()


def check_field(lead):
    """The blueprint's field is changed by its transitions only."""
    change = record.Record()
    change.add_field_value(record.Field.Leads.lead_status(), Choice("Junk Lead"))
    body = record.BodyWrapper()
    body.set_data([change])
    response = OPERATIONS.update_record(lead, body)
    (item,) = answered(response, 400, record.ActionWrapper, "an update").get_data()
    text = "The record is in blue print"
    refused(item, record.APIException, "RECORD_IN_BLUEPRINT", text, "an update of the state")


def check_call(lead, transition):
    response = go(lead, transition, [("Phone", "555"), ("Annual_Revenue", 12.5)])
    error = answered(response, 400, blueprint.APIException, "a call without a referrer")
    text = "required field not found"
    kind = blueprint.APIException
    details = refused(error, kind, "MANDATORY_NOT_FOUND", text, "a call without a referrer")
    same(details["api_name"], "Referred_By", "what is missing")
    same(one_lead(lead).get_key_value("Phone"), None, "nothing is half done")
    contact = record.Record()
    contact.add_key_value("Last_Name", "Referrer")
    body = record.BodyWrapper()
    body.set_data([contact])
    response = record.RecordOperations("Contacts").create_records(body)
    (item,) = answered(response, 201, record.ActionWrapper, "a contact").get_data()
    contact.set_id(int(item.get_details()["id"]))
    values = [("Phone", "555"), ("Annual_Revenue", 12.5), ("Referred_By", contact)]
    response = go(lead, transition, values)
    done = answered(response, 200, blueprint.SuccessResponse, "a call")
    succeeded(done, blueprint.SuccessResponse, DONE, "a call")
    found = one_lead(lead)
    same(found.get_key_value("Lead_Status").get_value(), "Contacted", "the new state")
    same(found.get_key_value("Phone"), "555", "the phone")


def check_end(lead):
    (way,) = shown(lead).get_transitions()
    done = answered(go(lead, way.get_id()), 200, blueprint.SuccessResponse, "giving up")
    succeeded(done, blueprint.SuccessResponse, DONE, "giving up")
    error = answered(
        blueprint_of(lead).get_blueprint(), 400, blueprint.APIException, "after the end"
    )
    text = "record not in process"
    refused(error, blueprint.APIException, "RECORD_NOT_IN_PROCESS", text, "after the end")


if __name__ == "__main__":
    session.sign_in()
    LEAD = new_lead()
    CALL = check_ways(LEAD)
    check_field(LEAD)
    check_call(LEAD, CALL)
    check_end(LEAD)
