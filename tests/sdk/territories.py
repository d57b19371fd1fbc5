"""Territories of leads: assigned, read, used to narrow a mass update, removed."""

from zohocrmsdk.src.com.zoho.crm.api import record, territories
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, fresh_lead, insert, one_lead, view_id
from mass_update import body, finished, scheduled
from session import answered, refused, same

SCHEDULED = "Territory assignment process scheduled successfully"
REMOVAL = "Territory removal process scheduled successfully"


def known_territories():
    response = territories.TerritoriesOperations().get_territories()
    found = answered(response, 200, territories.ResponseWrapper, "territories")
    return {one.get_name(): one.get_id() for one in found.get_territories()}


def with_territories(lead, numbers):
    made = record.Record()
    if lead is not None:
        made.set_id(lead)
    items = []
    for number in numbers:
        territory = record.Territory()
        territory.set_id(number)
        items.append(territory)
    made.add_key_value("Territories", items)
    return made


def change(operation, *arguments, records, status):
    asked = record.BodyWrapper()
    asked.set_data(records)
    response = operation(*arguments, asked)
    return answered(response, status, record.ActionWrapper, operation.__name__).get_data()


def accepted(item, text):
    told = session.described(item)
    assert isinstance(item, record.SuccessResponse), told
    found = (item.get_status().get_value(), item.get_code().get_value(), session.said(item))
    same(found, ("success", "SCHEDULED", text), told)


def names(lead):
    found = one_lead(lead).get_key_value("Territories") or []
    for territory in found:
        assert isinstance(territory, record.Territory), f"Territories: {territory!r}"
        same(territory.get_assigned(), "manually", "how it was assigned")
        assert territory.get_assigned_time().tzinfo is not None, "$assigned_time has no offset"
    return sorted(territory.get_name() for territory in found)


def check_assign(first, second, known):
    records = [
        with_territories(first, [known["Iberia"], known["South Asia"]]),
        with_territories(second, [known["Nordics"]]),
        with_territories(session.NO_SUCH_ID, [known["Nordics"]]),
        with_territories(second, [session.NO_SUCH_ID]),
    ]
    operation = OPERATIONS.assign_territories_to_multiple_records
    items = change(operation, records=records, status=207)
    for item in items[:2]:
        accepted(item, SCHEDULED)
    for item in items[2:]:
        text = "the id given seems to be invalid"
        refused(item, record.APIException, "INVALID_DATA", text, "an unknown id")
    same(names(first), ["Iberia", "South Asia"], "territories of the first")
    same(names(second), ["Nordics"], "territories of the second")


def check_assign_by_path(lead, known):
    operation = OPERATIONS.assign_territory_to_record
    records = [with_territories(None, [known["Europe"]])]
    (item,) = change(operation, lead, records=records, status=202)
    accepted(item, SCHEDULED)
    same(names(lead), ["Europe", "Nordics"], "territories after one more")


def check_mass_update(second, known):
    """Europe with what is below it holds both leads; South Asia only the first."""
    for name, below, total in (("Europe", True, 2), ("Europe", False, 1), ("South Asia", True, 1)):
        part = record.MassUpdateTerritory()
        part.set_id(known[name])
        part.set_include_child(below)
        asked = body("Lead_Source", Choice("Partner"), cvid=view_id("All Leads"))
        asked.set_territory(part)
        status = finished(scheduled(asked))
        same(status.get_total_count(), total, f"leads in {name}, include_child={below}")
    same(one_lead(second).get_key_value("Lead_Source").get_value(), "Partner", "what was written")


def check_remove(first, second, known):
    operation = OPERATIONS.remove_territories_from_multiple_records
    records = [with_territories(first, [known["Iberia"]])]
    (item,) = change(operation, records=records, status=202)
    accepted(item, REMOVAL)
    same(names(first), ["South Asia"], "territories left of the first")
    operation = OPERATIONS.remove_territories_from_record
    records = [with_territories(None, [known["Nordics"], known["Europe"]])]
    (item,) = change(operation, second, records=records, status=202)
    accepted(item, REMOVAL)
    same(names(second), [], "territories left of the second")


if __name__ == "__main__":
    session.sign_in()
    FIRST, SECOND = insert([fresh_lead("Kaya"), fresh_lead("Ito")])
    KNOWN = known_territories()
    check_assign(FIRST, SECOND, KNOWN)
    check_assign_by_path(SECOND, KNOWN)
    check_mass_update(SECOND, KNOWN)
    check_remove(FIRST, SECOND, KNOWN)
