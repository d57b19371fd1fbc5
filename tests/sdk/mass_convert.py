"""Lead conversion: one lead at once, what it offers, some leads as a job, and what is refused."""

import datetime
import time

from zohocrmsdk.src.com.zoho.crm.api import conversion_option, convert_lead, mass_convert, record
from zohocrmsdk.src.com.zoho.crm.api.users import MinifiedUser
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, all_users, fresh_lead, insert
from session import answered, nothing, parameters, refused, same, succeeded

CONVERSION = mass_convert.MassConvertOperations()
JOB_ID = mass_convert.GetJobStatusParam.job_id
# The server of the test is at work on nothing else.
SECONDS_MAX = 60


def lead(last_name, company, email=None):
    made = fresh_lead(last_name)
    made.add_field_value(record.Field.Leads.company(), company)
    if email:
        made.add_field_value(record.Field.Leads.email(), email)
    return made


def deal(name):
    made = record.Record()
    made.add_field_value(record.Field.Deals.deal_name(), name)
    made.add_field_value(record.Field.Deals.stage(), Choice("Qualification"))
    made.add_field_value(record.Field.Deals.closing_date(), datetime.date(2031, 6, 30))
    return made


def convert(one, wanted=None):
    body = convert_lead.BodyWrapper()
    body.set_data([wanted or convert_lead.LeadConverter()])
    return convert_lead.ConvertLeadOperations(one).convert_lead(body)


def options(one):
    return conversion_option.ConversionOptionOperations(one).lead_conversion_options()


def read(module, one):
    response = record.RecordOperations(module).get_record(one)
    (found,) = answered(response, 200, record.ResponseWrapper, f"one of {module}").get_data()
    return found


def check_one():
    """Converts one lead, with a deal and another owner, and meets it again in every way."""
    owner = all_users()["ines.faria"]
    (one,) = insert([lead("Ode", "Ode Works", "lena@ode-works.example.com")])
    nothing(options(one), "options where nothing matches")
    wanted = convert_lead.LeadConverter()
    wanted.set_deals(deal("Spring batch"))
    user = MinifiedUser()
    user.set_id(owner)
    wanted.set_assign_to(user)
    response = convert(one, wanted)
    (item,) = answered(response, 200, convert_lead.ActionWrapper, "a conversion").get_data()
    text = "The record has been converted successfully"
    made = succeeded(item, convert_lead.SuccessResponse, text, "a conversion")
    account, contact, deal_made = (made[key] for key in ("Accounts", "Contacts", "Deals"))
    same(account.get_key_value("name"), "Ode Works", "the account's name")
    same(contact.get_key_value("name"), "Ode", "the contact's name")
    same(deal_made.get_key_value("name"), "Spring batch", "the deal's name")
    same(read("Accounts", account.get_id()).get_key_value("Owner").get_id(), owner, "its owner")
    of_contact = read("Contacts", contact.get_id()).get_key_value("Account_Name")
    same(of_contact.get_id(), account.get_id(), "the contact's account")
    nothing(OPERATIONS.get_record(one), "a converted lead")
    again = answered(convert(one), 400, convert_lead.APIException, "a second time")
    refused(again, convert_lead.APIException, "ID_ALREADY_CONVERTED", "id already converted", "again")
    unknown = answered(convert(session.NO_SUCH_ID), 400, convert_lead.APIException, "no lead")
    refused(unknown, convert_lead.APIException, "INVALID_DATA", "invalid data", "no lead")
    return account.get_id(), contact.get_id()


def check_options(account, contact):
    """What matches is offered, and can be chosen."""
    (one,) = insert([lead("Second", "Ode Works", "lena@ode-works.example.com")])
    found = answered(options(one), 200, conversion_option.ResponseWrapper, "options")
    name = session.by_version("get_conversionoptions", "get_conversion_options")
    offered = getattr(found, name)()
    contacts = [each.get_id() for each in offered.get_contacts()]
    accounts = [each.get_id() for each in offered.get_accounts()]
    same((contacts, accounts), ([contact], [account]), "what matches")
    # The SDK lets nobody name an account: it misses a Deal_Name in it.
    wanted = convert_lead.LeadConverter()
    wanted.set_add_to_existing_record(Choice(True))
    response = convert(one, wanted)
    (item,) = answered(response, 200, convert_lead.ActionWrapper, "existing ones").get_data()
    text = "The record has been converted successfully"
    made = succeeded(item, convert_lead.SuccessResponse, text, "existing ones")
    found = (made["Contacts"].get_id(), made["Accounts"].get_id())
    same(found, (contact, account), "what was there already")


def mass(ids, **wanted):
    body = mass_convert.BodyWrapper()
    body.set_ids(ids)
    for key, value in wanted.items():
        getattr(body, f"set_{key}")(value)
    return CONVERSION.mass_convert(body)


def finished(job):
    """The last status of a job."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        response = CONVERSION.get_job_status(parameters([(JOB_ID, int(job))]))
        (status,) = answered(response, 200, mass_convert.ResponseWrapper, "a status").get_data()
        if status.get_status().lower() not in ("scheduled", "in progress"):
            return status
        # Waits because the API has no events: a client can only ask again.
        time.sleep(0.02)
    raise AssertionError(f"job {job} did not end in {SECONDS_MAX} s")


def named(kind, module):
    made = kind()
    made.set_api_name(module)
    return made


def check_job():
    """Twenty-eight leads of seven companies, as many as the vendor's own sample converts."""
    leads = [lead(f"Mass {n}", f"Company {n % 7}", f"mass{n}@example.com") for n in range(28)]
    ids = insert(leads)
    owner = mass_convert.AssignTo()
    owner.set_id(all_users()["ines.faria"])
    response = mass(
        ids,
        deals=deal("Mass deal"),
        assign_to=owner,
        related_modules=[named(mass_convert.RelatedModule, "Tasks")],
        carry_over_tags=[named(mass_convert.MoveAttachmentsTo, "Contacts")],
        move_attachments_to=named(mass_convert.MoveAttachmentsTo, "Accounts"),
    )
    status = session.by_version(200, 202)
    item = answered(response, status, mass_convert.SuccessResponse, "some leads")
    same(item.get_code().get_value(), "SCHEDULED", "its code")
    text = "Mass Convert scheduled successfully"
    job = succeeded(item, mass_convert.SuccessResponse, text, "some leads")["job_id"]
    ended = finished(job)
    same(ended.get_status(), session.by_version("COMPLETED", "completed"), "how it ended")
    counts = (
        ended.get_total_count(),
        ended.get_converted_count(),
        ended.get_not_converted_count(),
        ended.get_failed_count(),
    )
    same(counts, (28, 28, 0, 0), "its counts")
    asked = parameters(
        [
            (record.GetRecordsParam.fields, "Account_Name"),
            (record.GetRecordsParam.per_page, 200),
        ]
    )
    found = record.RecordOperations("Accounts").get_records(asked)
    accounts = answered(found, 200, record.ResponseWrapper, "accounts").get_data()
    names = [each.get_key_value("Account_Name") for each in accounts]
    companies = sorted(name for name in names if name.startswith("Company "))
    same(companies, [f"Company {n}" for n in range(7)], "two leads of one company, one account")
    # Those that are converted already are accepted, and fail.
    (fresh,) = insert([lead("Late", "Late Ltd")])
    item = answered(mass([ids[0], fresh]), status, mass_convert.SuccessResponse, "one of them again")
    ended = finished(item.get_details()["job_id"])
    same((ended.get_converted_count(), ended.get_failed_count()), (1, 1), "one again, one new")


def check_refusals():
    (one,) = insert([lead("Refused", "Refused Ltd")])
    kind = mass_convert.APIException
    error = answered(mass([session.NO_SUCH_ID]), 400, kind, "no such lead")
    details = refused(error, kind, "INVALID_DATA", "invalid data", "no such lead")
    same(details["json_path"], "$.ids[0]", "where it stood")
    error = answered(mass([one] * 51), 400, kind, "51 leads")
    refused(error, kind, "LIMIT_EXCEEDED", "Limit exceeded for mass convert", "51 leads")
    user = mass_convert.AssignTo()
    user.set_id(session.NO_SUCH_ID)
    error = answered(mass([one], assign_to=user), 400, kind, "an unknown owner")
    text = "Given assignee param does not match"
    details = refused(error, kind, "INVALID_DATA", text, "an unknown owner")
    same(details["json_path"], "$.assignee.id", "where it stood")
    asked = parameters([(JOB_ID, session.NO_SUCH_ID)])
    error = answered(CONVERSION.get_job_status(asked), 400, kind, "an unknown job")
    text = session.by_version("The job_id is invalid.", "The jobid given seems to be invalid")
    refused(error, kind, "INVALID_DATA", text, "an unknown job")
    same(read("Leads", one).get_id(), one, "the lead that was not converted")


if __name__ == "__main__":
    session.sign_in()
    check_options(*check_one())
    check_job()
    check_refusals()
