"""Mass update: some leads at once, a view as a job, and everything that is refused."""

import time

from zohocrmsdk.src.com.zoho.crm.api.record import (
    APIException,
    GetMassUpdateStatusParam,
    MassUpdateActionWrapper,
    MassUpdateBodyWrapper,
    MassUpdateResponseWrapper,
    MassUpdateSuccessResponse,
    MassUpdateTerritory,
    Record,
)
from zohocrmsdk.src.com.zoho.crm.api.territories import ResponseWrapper, TerritoriesOperations
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, all_leads, fresh_lead, insert, one_lead, view_id
from session import answered, by_version, parameters, refused, same, succeeded

# The server of the test is at work on nothing else.
SECONDS_MAX = 60


def body(field, value, ids=None, cvid=None, over_write=None):
    change = Record()
    change.add_key_value(field, value)
    made = MassUpdateBodyWrapper()
    made.set_data([change])
    if ids is not None:
        made.set_ids([str(one) for one in ids])
    if cvid is not None:
        made.set_cvid(cvid)
    if over_write is not None:
        made.set_over_write(over_write)
    return made


def sent(asked, status, what):
    response = OPERATIONS.mass_update_records(asked)
    return answered(response, status, MassUpdateActionWrapper, what).get_data()


def check_ids():
    first, second = insert([fresh_lead("Abara"), fresh_lead("Novak")])
    asked = body("Lead_Source", Choice("Chat"), [first, session.NO_SUCH_ID, second])
    one, unknown, other = sent(asked, by_version(200, 207), "three ids")
    for lead, item in ((first, one), (second, other)):
        details = succeeded(item, MassUpdateSuccessResponse, "record updated", "a good id")
        same(details["id"], lead, "whose answer it is")
        same(details["Modified_By"].get_name(), "Ada Kestrel", "who modified it")
        assert details["Modified_Time"].tzinfo is not None, "Modified_Time has no offset"
        same(one_lead(lead).get_key_value("Lead_Source").get_value(), "Chat", "what was written")
    text = "the id given seems to be invalid"
    details = refused(unknown, APIException, "INVALID_DATA", text, "the bad id")
    same(str(details["id"]), str(session.NO_SUCH_ID), "which id was bad")


def check_over_write():
    lead = fresh_lead("Castellanos")
    lead.add_key_value("Uses", [Choice("Irrigation")])
    (lead,) = insert([lead])
    livestock = [Choice("Livestock")]
    for over_write, expected in (
        (None, ["Irrigation", "Livestock"]),
        (True, ["Livestock"]),
        (False, ["Livestock"]),
    ):
        (item,) = sent(body("Uses", livestock, [lead], over_write=over_write), 200, "one id")
        succeeded(item, MassUpdateSuccessResponse, "record updated", "one id")
        uses = [choice.get_value() for choice in one_lead(lead).get_key_value("Uses")]
        same(sorted(uses), expected, f"Uses after over_write={over_write}")


def scheduled(asked):
    """The number of the job that an update of a view became."""
    (item,) = sent(asked, 200, "a view")
    text = "mass update scheduled successfully"
    job = succeeded(item, MassUpdateSuccessResponse, text, "a view")["job_id"]
    assert isinstance(job, str) and job.isdigit(), f"the job: {job!r}"
    return job


def status_of(job):
    asked = parameters([(GetMassUpdateStatusParam.job_id, job)])
    response = OPERATIONS.get_mass_update_status(asked)
    (status,) = answered(response, 200, MassUpdateResponseWrapper, "a status").get_data()
    return status


def finished(job):
    """The last status of a job; every status on the way adds up."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        status = status_of(job)
        word = status.get_status().get_value()
        done = status.get_updated_count() + status.get_failed_count()
        same(done + status.get_not_updated_count(), status.get_total_count(), f"counts, {word}")
        if word not in ("SCHEDULED", "QUEUED", "RUNNING"):
            return status
        # Waits because the API has no events: a client can only ask again.
        time.sleep(0.02)
    raise AssertionError(f"job {job} did not end in {SECONDS_MAX} s")


def check_view():
    cvid = view_id("Open Leads")
    before = all_leads(cvid)
    locked = {lead.get_id() for lead in before if lead.get_key_value("Locked__s")}
    assert 0 < len(locked) < len(before), f"{len(locked)} of {len(before)} leads are locked"
    source = Choice("Seminar Partner")
    status = finished(scheduled(body("Lead_Source", source, cvid=cvid)))
    same(status.get_status().get_value(), "COMPLETED", "how the job ended")
    same(status.get_total_count(), len(before), "leads of the job")
    same(status.get_failed_count(), len(locked), "leads that another user locked")
    same(status.get_updated_count(), len(before) - len(locked), "leads updated")
    same(status.get_not_updated_count(), 0, "leads left")
    for lead in all_leads(cvid):
        written = lead.get_key_value("Lead_Source").get_value() == source.get_value()
        same(written, lead.get_id() not in locked, f"lead {lead.get_id()} was written")


def check_territory():
    """A territory narrows the view; nobody assigned a lead to this one."""
    found = TerritoriesOperations().get_territories()
    found = answered(found, 200, ResponseWrapper, "territories").get_territories()
    part = MassUpdateTerritory()
    part.set_id(next(one.get_id() for one in found if one.get_name() == "Maharashtra"))
    part.set_include_child(True)
    asked = body("Lead_Source", Choice("Chat"), cvid=view_id("All Leads"))
    asked.set_territory(part)
    check_no_records(asked, "a territory without leads")


def check_no_records(asked, what):
    error = answered(OPERATIONS.mass_update_records(asked), 400, APIException, what)
    refused(error, APIException, "NO_RECORDS_FOUND", "no record found to update", what)


def check_refusals():
    (lead,) = insert([fresh_lead("Haddad")])
    text = "This field cannot be updated in the Mass Update"
    for field, value in (("No_Such_Field", "x"), ("Email", "x@example.com")):
        (item,) = sent(body(field, value, [lead]), 400, field)
        details = refused(item, APIException, "INVALID_DATA", text, field)
        same(details, {"api_name": field}, "which field")
    empty = body("Lead_Source", Choice("Chat"), cvid=view_id("Converted Leads"))
    check_no_records(empty, "a view without leads")
    unknown = body("Lead_Source", Choice("Chat"), cvid=str(session.NO_SUCH_ID))
    response = OPERATIONS.mass_update_records(unknown)
    error = answered(response, 400, APIException, "an unknown view")
    text = f"the {by_version('id', 'cvid')} given seems to be invalid"
    refused(error, APIException, "INVALID_DATA", text, "an unknown view")
    (item,) = sent(body("Lead_Source", Choice("Chat")), 400, "neither ids nor a view")
    text = "required field not found"
    refused(item, APIException, "MANDATORY_NOT_FOUND", text, "neither ids nor a view")


def check_unknown_job():
    unknown = [(GetMassUpdateStatusParam.job_id, str(session.NO_SUCH_ID))]
    param = {"param_name": "job_id"}
    for values, told in (
        (
            unknown,
            by_version(
                (404, "NOT_FOUND", "Empty response", {}),
                (400, "INVALID_DATA", "The jobid given seems to be invalid", param),
            ),
        ),
        ([], (400, "MANDATORY_NOT_FOUND", "mandatory param missing", param)),
    ):
        status, code, text, expected = told
        response = OPERATIONS.get_mass_update_status(parameters(values))
        error = answered(response, status, APIException, text)
        details = refused(error, APIException, code, text, "the status of no job")
        same(details or {}, expected, "which parameter")


if __name__ == "__main__":
    session.sign_in()
    check_ids()
    check_over_write()
    check_view()
    check_territory()
    check_refusals()
    check_unknown_job()
