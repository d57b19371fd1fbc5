"""Change of owner: a view as a job, some leads at once, one lead, and what is refused."""

import time

from zohocrmsdk.src.com.zoho.crm.api import change_owner, mass_change_owner

import session
from leads import all_leads, all_users, fresh_lead, insert, one_lead, view_id
from session import answered, by_version, nothing, parameters, refused, same, succeeded

MANY = mass_change_owner.MassChangeOwnerOperations("Leads")
NAMED = change_owner.ChangeOwnerOperations("Leads")
DONE = "owner is successfully updated"

# The server of the test is at work on nothing else.
SECONDS_MAX = 60


def owner_of(lead):
    return one_lead(lead).get_key_value("Owner").get_name()


def new_owner(module, user):
    made = module.Owner()
    made.set_id(user)
    return made


def view_body(cvid, user, city=None):
    made = mass_change_owner.BodyWrapper()
    if cvid is not None:
        made.set_cvid(int(cvid))
    made.set_owner(new_owner(mass_change_owner, user))
    if city is not None:
        field = mass_change_owner.Field()
        field.set_api_name("City")
        criteria = mass_change_owner.Criteria()
        criteria.set_field(field)
        criteria.set_comparator("equal")
        criteria.set_value(city)
        made.set_criteria(criteria)
    return made


def scheduled(asked):
    """The number of the job that a view became."""
    status = by_version(200, 202)
    kind = mass_change_owner.ActionWrapper
    (item,) = answered(MANY.change_owner(asked), status, kind, "a view").get_data()
    text = "change owner is successfully scheduled"
    details = succeeded(item, mass_change_owner.SuccessResponse, text, "a view")
    same(item.get_code().get_value(), by_version("SUCCESS", "SCHEDULED"), "the code")
    return details["job_id"]


def status_of(job):
    return MANY.check_status(parameters([(mass_change_owner.CheckStatusParam.job_id, job)]))


def finished(job):
    """The last status of a job; every status on the way adds up."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        kind = mass_change_owner.ResponseWrapper
        (status,) = answered(status_of(job), 200, kind, "a status").get_data()
        word = status.get_status().get_value()
        done = status.get_updated_count() + status.get_failed_count()
        same(done + status.get_not_updated_count(), status.get_total_count(), f"counts, {word}")
        if word not in ("SCHEDULED", "RUNNING"):
            return status
        # Waits because the API has no events: a client can only ask again.
        time.sleep(0.02)
    raise AssertionError(f"job {job} did not end in {SECONDS_MAX} s")


def check_view(user):
    cvid = view_id("Open Leads")
    before = all_leads(cvid)
    locked = {lead.get_id() for lead in before if lead.get_key_value("Locked__s")}
    assert 0 < len(locked) < len(before), f"{len(locked)} of {len(before)} leads are locked"
    status = finished(scheduled(view_body(cvid, user)))
    same(status.get_status().get_value(), "COMPLETED", "how the job ended")
    same(status.get_total_count(), len(before), "leads of the job")
    same(status.get_failed_count(), len(locked), "leads that another user locked")
    same(status.get_updated_count(), len(before) - len(locked), "leads given away")
    free = next(lead.get_id() for lead in before if lead.get_id() not in locked)
    same(owner_of(free), "Oskar Lind", "the new owner")


def check_criteria(user):
    leads = [fresh_lead("Ito"), fresh_lead("Kaya")]
    leads[0].add_key_value("City", "Funchal")
    first, second = insert(leads)
    status = finished(scheduled(view_body(view_id("All Leads"), user, "Funchal")))
    same((status.get_total_count(), status.get_updated_count()), (1, 1), "leads of the city")
    same((owner_of(first), owner_of(second)), ("Oskar Lind", "Ada Kestrel"), "the owners")


def mass_refused(asked, code, text, details):
    kind = mass_change_owner.APIException
    error = answered(MANY.change_owner(asked), 400, kind, text)
    found = refused(error, kind, code, text, "a view")
    for key, value in details.items():
        told = found[key]
        same(told.get_value() if hasattr(told, "get_value") else told, value, key)


def check_view_refusals(users):
    missing = by_version("required field not found", "Required field is missing")
    at = {"api_name": "cvid", "json_path": "$.cvid"}
    mass_refused(view_body(None, users["oskar.lind"]), "MANDATORY_NOT_FOUND", missing, at)
    text = "the cvid given seems to be invalid"
    unknown = view_body(session.NO_SUCH_ID, users["oskar.lind"])
    mass_refused(unknown, "INVALID_DATA", text, at)
    inactive = view_body(view_id("All Leads"), users["piet.vos"])
    text = "Invalid data provided"
    mass_refused(inactive, "INVALID_DATA", text, {"json_path": "$.owner.id"})


def check_unknown_job():
    kind = mass_change_owner.APIException
    code, text = "REQUIRED_PARAM_MISSING", "You have not specified the job_id in the request."
    if session.VERSION == "v7":
        for response in (status_of(session.NO_SUCH_ID), MANY.check_status()):
            refused(answered(response, 404, kind, text), kind, code, text, "no job")
    else:
        nothing(status_of(session.NO_SUCH_ID), "the status of no job")
        text = "Required parameter is missing"
        error = answered(MANY.check_status(), 400, kind, text)
        refused(error, kind, code, text, "no job")


def named_body(ids, user, notify=True):
    made = change_owner.MassWrapper()
    made.set_ids(ids)
    made.set_owner(new_owner(change_owner, user))
    made.set_notify(notify)
    return made


def check_ids(user):
    first, second = insert([fresh_lead("Abara"), fresh_lead("Novak")])
    response = NAMED.mass_update(named_body([first, session.NO_SUCH_ID, second], user))
    found = answered(response, by_version(200, 207), change_owner.ActionWrapper, "three ids")
    one, unknown, other = found.get_data()
    for lead, item in ((first, one), (second, other)):
        details = succeeded(item, change_owner.SuccessResponse, DONE, "a good id")
        same(int(details["id"]), lead, "whose answer it is")
        same(owner_of(lead), "Oskar Lind", "the new owner")
    text = "the id given seems to be invalid"
    refused(unknown, change_owner.APIException, "INVALID_DATA", text, "the bad id")
    return first


def check_one(lead, user):
    body = change_owner.BodyWrapper()
    body.set_owner(new_owner(change_owner, user))
    found = answered(NAMED.single_update(lead, body), 200, change_owner.ActionWrapper, "one lead")
    (item,) = found.get_data()
    succeeded(item, change_owner.SuccessResponse, DONE, "one lead")
    same(owner_of(lead), "Ada Kestrel", "the owner again")


def check_refused_owner(lead, user):
    response = NAMED.mass_update(named_body([lead], user))
    text = "The user to whom you are trying to transfer the records is not active."
    kind = change_owner.APIException
    error = answered(response, 400, kind, "an owner who was deactivated")
    refused(error, kind, "INVALID_DATA", text, "an owner who was deactivated")
    same(owner_of(lead), "Ada Kestrel", "who keeps the lead")


if __name__ == "__main__":
    session.sign_in()
    USERS = all_users()
    OSKAR, ADA = USERS["oskar.lind"], USERS["admin"]
    check_view(OSKAR)
    check_criteria(OSKAR)
    check_view_refusals(USERS)
    check_unknown_job()
    LEAD = check_ids(OSKAR)
    check_one(LEAD, ADA)
    check_refused_owner(LEAD, USERS["piet.vos"])
