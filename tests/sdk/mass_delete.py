"""Mass delete: some leads at once, a view as a job, what is refused, and the recycle bin."""

import time

from zohocrmsdk.src.com.zoho.crm.api import mass_delete_cvid, record, recycle_bin

import session
from leads import OPERATIONS, all_leads, fresh_lead, insert, view_id
from session import answered, nothing, parameters, refused, same, succeeded

DELETION = mass_delete_cvid.MassDeleteCvidOperations("Leads")
BIN = recycle_bin.RecycleBinOperations()
Refusal = mass_delete_cvid.APIException
JOB_ID = mass_delete_cvid.GetMassDeleteStatusParam.job_id
# The server of the test is at work on nothing else.
SECONDS_MAX = 60


def by_ids(leads):
    body = mass_delete_cvid.RecordIdBodyWrapper()
    body.set_ids(leads)
    return DELETION.mass_delete_by_record_id(body)


def by_view(cvid):
    body = mass_delete_cvid.CvidBodyWrapper()
    body.set_cvid(cvid)
    return DELETION.mass_delete_by_cvid(body)


def is_gone(lead):
    nothing(OPERATIONS.get_record(lead), f"lead {lead} after its deletion")


def check_ids():
    first, second = insert([fresh_lead("Abara"), fresh_lead("Novak")])
    status = session.by_version(200, 207)
    response = by_ids([first, session.NO_SUCH_ID, second])
    items = answered(response, status, mass_delete_cvid.ActionWrapper, "three ids").get_data()
    one, unknown, other = items
    for lead, item in ((first, one), (second, other)):
        details = succeeded(item, mass_delete_cvid.SuccessResponse, "record is deleted", "an id")
        same(int(details["id"]), lead, "whose answer it is")
        is_gone(lead)
    text = "the id given seems to be invalid"
    refused(unknown, Refusal, "INVALID_DATA", text, "the bad id")
    error = answered(by_ids([first, second]), 400, Refusal, "ids of no leads")
    refused(error, Refusal, "INVALID_DATA", text, "ids of no leads")
    return first, second


def finished(job):
    """The last status of a job."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        response = DELETION.get_mass_delete_status(parameters([(JOB_ID, int(job))]))
        kind = mass_delete_cvid.ResponseWrapper
        (status,) = answered(response, 200, kind, "a status").get_data()
        if status.get_status().get_value() not in ("SCHEDULED", "RUNNING"):
            return status
        # Waits because the API has no events: a client can only ask again.
        time.sleep(0.02)
    raise AssertionError(f"job {job} did not end in {SECONDS_MAX} s")


def check_view():
    cvid = view_id("Open Leads")
    before = all_leads(cvid)
    locked = [lead.get_id() for lead in before if lead.get_key_value("Locked__s")]
    response = by_view(int(cvid))
    (item,) = answered(response, 200, mass_delete_cvid.ActionWrapper, "a view").get_data()
    text = "mass delete scheduled successfully"
    job = succeeded(item, mass_delete_cvid.SuccessResponse, text, "a view")["job_id"]
    status = finished(job)
    same(status.get_status().get_value(), "COMPLETED", "how the job ended")
    same(status.get_total_count(), len(before), "leads of the job")
    same(status.get_failed_count(), len(locked), "leads that another user locked")
    same(status.get_deleted_count(), len(before) - len(locked), "leads deleted")
    left = [lead.get_id() for lead in all_leads(cvid)]
    same(sorted(left), sorted(locked), "leads left in the view")


def check_refusals():
    empty = by_view(int(view_id("Converted Leads")))
    error = answered(empty, 400, Refusal, "a view without leads")
    text = "no record found to update"
    refused(error, Refusal, "NO_RECORDS_FOUND", text, "a view without leads")
    error = answered(by_view(session.NO_SUCH_ID), 400, Refusal, "an unknown view")
    text = "the cvid given seems to be invalid"
    details = refused(error, Refusal, "INVALID_DATA", text, "an unknown view")
    same(details["json_path"], "$.cvid", "where it stood")
    asked = parameters([(JOB_ID, session.NO_SUCH_ID)])
    error = answered(DELETION.get_mass_delete_status(asked), 400, Refusal, "an unknown job")
    text = "The jobid given seems to be invalid"
    refused(error, Refusal, "INVALID_DATA", text, "an unknown job")


def deleted(kind):
    """A page of the deleted leads of a type."""
    asked = parameters(
        [
            (record.GetDeletedRecordsParam.type, kind),
            (record.GetDeletedRecordsParam.per_page, 200),
        ]
    )
    response = OPERATIONS.get_deleted_records(asked)
    if response.get_status_code() == 204:
        return {}
    found = answered(response, 200, record.DeletedRecordsWrapper, f"{kind} deleted leads")
    return {one.get_id(): one for one in found.get_data()}


def check_bin(first, second):
    shown = deleted("recycle")[first]
    same(shown.get_display_name(), "Abara", "its name")
    same(shown.get_deleted_by().get_name(), "Ada Kestrel", "who deleted it")
    same(shown.get_type(), "recycle", "its type")
    assert shown.get_deleted_time().tzinfo is not None, "deleted_time has no offset"
    response = BIN.get_recyclebin_record(first)
    (kept,) = answered(response, 200, recycle_bin.ResponseWrapper, "one in the bin").get_recycle_bin()
    same((kept.get_id(), kept.get_module().get_api_name()), (first, "Leads"), "what it is")
    values = [
        (recycle_bin.GetRecycleBinRecordsParam.ids, f"{first},{second}"),
        (recycle_bin.GetRecycleBinRecordsParam.per_page, 1),
    ]
    response = BIN.get_recyclebin_records(parameters(values))
    found = answered(response, 200, recycle_bin.ResponseWrapper, "a page of the bin")
    same(len(found.get_recycle_bin()), 1, "records of a page")
    same(found.get_info().get_more_records(), True, "more of them")
    for response, lead in (
        (BIN.delete_recyclebin_record(first), first),
        (BIN.delete_recyclebin_records(ids_parameter(second)), second),
    ):
        found = answered(response, 200, recycle_bin.ActionWrapper, "one removed for good")
        (item,) = found.get_recycle_bin()
        kind = recycle_bin.SuccessResponse
        details = succeeded(item, kind, "record deleted", "one removed for good")
        same(int(details["id"]), lead, "which was removed")
        gone = deleted("permanent")[lead]
        same((gone.get_display_name(), gone.get_type()), (None, "permanent"), "what is left")


def ids_parameter(lead):
    return parameters([(recycle_bin.DeleteRecycleBinRecordsParam.ids, str(lead))])


if __name__ == "__main__":
    session.sign_in()
    first, second = check_ids()
    check_bin(first, second)
    check_view()
    check_refusals()
