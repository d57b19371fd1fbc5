"""Locks: put on a lead, read, explained anew, met by updates, lifted."""

from zohocrmsdk.src.com.zoho.crm.api import record, record_locking
from zohocrmsdk.src.com.zoho.crm.api.record_locking import GetRecordLockingInformationsParam
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

import session
from leads import OPERATIONS, fresh_lead, insert, one_lead
from session import answered, nothing, parameters, refused, same, succeeded

KEYS = "Locked_For__s,Locked_By__s,Locked_Reason__s,Lock_Source__s,Locked_Time__s"
LOCKED = "Sorry, you cannot perform this operation as the record is locked."


def locks_of(lead):
    return record_locking.RecordLockingOperations(lead, "Leads")


def lock(lead, reason):
    response = locks_of(lead).lock_records(reason_body(reason))
    (item,) = answered(response, 201, record_locking.ActionWrapper, "a lock").get_data()
    kind = record_locking.SuccessResponse
    return int(succeeded(item, kind, "record added", "a lock")["id"])


def reason_body(reason):
    made = record_locking.LockRecord()
    made.set_locked_reason__s(reason)
    body = record_locking.BodyWrapper()
    body.set_data([made])
    return body


def shown(response):
    (found,) = answered(response, 200, record_locking.ResponseWrapper, "a lock").get_data()
    return found


def read(lead):
    asked = parameters([(GetRecordLockingInformationsParam.fields, KEYS)])
    return locks_of(lead).get_record_locking_informations(asked)


def check_lock(lead):
    nothing(read(lead), "the lock of a lead that is not locked")
    number = lock(lead, "Contract in preparation")
    # The SDK's getters of the others look for keys that the API does not have.
    found = shown(read(lead))
    same(found.get_id(), number, "the lock")
    same(found.get_key_value("Locked_Reason__s"), "Contract in preparation", "the reason")
    same(found.get_key_value("Lock_Source__s"), "Manual", "how it was locked")
    same(found.get_key_value("Locked_By__s")["name"], "Ada Kestrel", "who locked it")
    target = found.get_locked_for_s()
    same((target.get_id(), target.get_module()["api_name"]), (lead, "Leads"), "what is locked")
    same(one_lead(lead).get_key_value("Locked__s"), True, "the lead says that it is locked")
    twice = locks_of(lead).lock_records(reason_body("Again"))
    error = answered(twice, 403, record_locking.APIException, "a second lock")
    text = "Record is already locked."
    refused(error, record_locking.APIException, "NOT_ALLOWED", text, "a second lock")
    return number


def check_new_reason(lead, number):
    response = locks_of(lead).update_record_locking_information(number, reason_body("Signed"))
    (item,) = answered(response, 200, record_locking.ActionWrapper, "a new reason").get_data()
    succeeded(item, record_locking.SuccessResponse, "relation updated", "a new reason")
    found = shown(locks_of(lead).get_record_locking_information(number))
    same(found.get_key_value("Locked_Reason__s"), "Signed", "the new reason")


def check_updates(locked, free):
    change = record.Record()
    change.add_key_value("Lead_Source", Choice("Chat"))
    asked = record.MassUpdateBodyWrapper()
    asked.set_data([change])
    asked.set_ids([str(locked), str(free)])
    response = OPERATIONS.mass_update_records(asked)
    found = answered(response, 207, record.MassUpdateActionWrapper, "a mass update")
    refusal, done = found.get_data()
    details = refused(refusal, record.APIException, "RECORD_LOCKED", LOCKED, "the locked lead")
    same(str(details["id"]), str(locked), "which lead is locked")
    succeeded(done, record.MassUpdateSuccessResponse, "record updated", "the free lead")
    response = OPERATIONS.delete_record(locked)
    (item,) = answered(response, 400, record.ActionWrapper, "a delete").get_data()
    refused(item, record.APIException, "RECORD_LOCKED", LOCKED, "a delete of a locked lead")
    same(one_lead(locked).get_key_value("Lead_Source"), None, "the locked lead is as it was")


def check_unlock(lead, number):
    response = locks_of(lead).unlock_record(number)
    (item,) = answered(response, 200, record_locking.ActionWrapper, "an unlock").get_data()
    succeeded(item, record_locking.SuccessResponse, "relation removed", "an unlock")
    nothing(read(lead), "the lock of a lead that was unlocked")
    same(one_lead(lead).get_key_value("Locked__s"), False, "the lead says that it is free")


if __name__ == "__main__":
    session.sign_in()
    LOCKED_LEAD, FREE_LEAD = insert([fresh_lead("Lindqvist"), fresh_lead("Mbeki")])
    LOCK = check_lock(LOCKED_LEAD)
    check_new_reason(LOCKED_LEAD, LOCK)
    check_updates(LOCKED_LEAD, FREE_LEAD)
    check_unlock(LOCKED_LEAD, LOCK)
