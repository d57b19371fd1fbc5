"""What several scripts ask about the leads of the demo."""

from zohocrmsdk.src.com.zoho.crm.api import custom_views, record, users

import session
from session import answered, by_version, parameters

OPERATIONS = record.RecordOperations("Leads")
FIELDS = "Last_Name,Lead_Source,Lead_Status,Locked__s"


def all_leads(cvid=None):
    """Every lead, or every lead of a view, page by page."""
    found, page = [], 0
    while True:
        page += 1
        values = [(record.GetRecordsParam.fields, FIELDS), (record.GetRecordsParam.page, page)]
        if cvid:
            values.append((record.GetRecordsParam.cvid, cvid))
        response = OPERATIONS.get_records(parameters(values))
        answer = answered(response, 200, record.ResponseWrapper, f"page {page} of leads")
        found += answer.get_data()
        if not answer.get_info().get_more_records():
            return found


def one_lead(lead):
    response = OPERATIONS.get_record(lead)
    (found,) = answered(response, 200, record.ResponseWrapper, "one lead").get_data()
    return found


def fresh_lead(last_name):
    made = record.Record()
    made.add_field_value(record.Field.Leads.last_name(), last_name)
    made.add_field_value(record.Field.Leads.company(), "Cobalt Optics")
    return made


def insert(leads):
    """Inserts leads that are all right; answers their ids."""
    body = record.BodyWrapper()
    body.set_data(leads)
    response = OPERATIONS.create_records(body)
    items = answered(response, 201, record.ActionWrapper, "leads to work on").get_data()
    kind, text = record.SuccessResponse, "record added"
    return [int(session.succeeded(item, kind, text, "a lead")["id"]) for item in items]


def view_id(name):
    """The id of a view of Leads, as the SDK takes it: a text."""
    asked = parameters([(custom_views.GetCustomViewsParam.module, "Leads")])
    response = custom_views.CustomViewsOperations().get_custom_views(asked)
    found = answered(response, 200, custom_views.ResponseWrapper, "views of Leads")
    return next(str(view.get_id()) for view in found.get_custom_views() if view.get_name() == name)


def all_users():
    """The ids of all users, by the name before the @ of their e-mail addresses."""
    # The SDK of v7 takes no type for all; the server answers all without one.
    asked = parameters(by_version([], [(users.GetUsersParam.type, "AllUsers")]))
    response = users.UsersOperations().get_users(asked)
    found = answered(response, 200, users.ResponseWrapper, "users").get_users()
    return {user.get_email().split("@")[0]: user.get_id() for user in found}
