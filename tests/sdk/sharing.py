"""Sharing a record: with two users, with one of them, with nobody."""

from zohocrmsdk.src.com.zoho.crm.api import record, share_records
from zohocrmsdk.src.com.zoho.crm.api.share_records import GetSharedRecordDetailsParam
from zohocrmsdk.src.com.zoho.crm.api.users import Users

import session
from session import answered, parameters, refused, same, succeeded

SHARED = "record will be shared successfully"


def fresh_vendor():
    vendor = record.Record()
    vendor.add_key_value("Vendor_Name", "Tagus Pumps")
    body = record.BodyWrapper()
    body.set_data([vendor])
    response = record.RecordOperations("Vendors").create_records(body)
    (item,) = answered(response, 201, record.ActionWrapper, "a vendor").get_data()
    return int(succeeded(item, record.SuccessResponse, "record added", "a vendor")["id"])


def shares_of(vendor):
    return share_records.ShareRecordsOperations(vendor, "Vendors")


def shown(vendor, only=None):
    asked = [(GetSharedRecordDetailsParam.view, "manage")]
    if only is not None:
        asked.append((GetSharedRecordDetailsParam.sharedto, only))
    response = shares_of(vendor).get_shared_record_details(parameters(asked))
    found = answered(response, 200, share_records.ResponseWrapper, "the shares")
    return found.get_share() or [], found.get_shareable_user() or []


def body(shares):
    entries = []
    for number, permission in shares:
        user = Users()
        user.set_id(number)
        entry = share_records.ShareRecord()
        entry.set_user(user)
        entry.set_permission(permission)
        entry.set_share_related_records(False)
        entries.append(entry)
    made = share_records.BodyWrapper()
    made.set_share(entries)
    made.set_notify(False)
    return made


def check_shared(response, vendor, count):
    items = answered(response, 200, share_records.ActionWrapper, "sharing").get_share()
    same(len(items), count, "an item for each user")
    for item in items:
        details = succeeded(item, share_records.SuccessResponse, SHARED, "sharing")
        same(int(details["id"]), vendor, "what is shared")


def check_shares(vendor):
    shares, users = shown(vendor)
    same(shares, [], "a new vendor is shared with nobody")
    ines, rohan = [named(users, name) for name in ("Inês Faria", "Rohan Desai")]
    wanted = body([(ines, "full_access"), (rohan, "read_only")])
    check_shared(shares_of(vendor).share_record(wanted), vendor, 2)
    (share,), _ = shown(vendor, only=rohan)
    same(share.get_permission(), "read_only", "what Rohan may do")
    same(share.get_user().get_id(), rohan, "with whom it is shared")
    same(share.get_shared_by().get_full_name(), "Ada Kestrel", "who shared it")
    same(share.get_shared_through().get_entity_name(), "Tagus Pumps", "what is shared")
    return rohan


def named(users, name):
    (found,) = [user.get_id() for user in users if user.get_full_name() == name]
    return found


def check_new_permissions(vendor, rohan):
    response = shares_of(vendor).update_share_permissions(body([(rohan, "read_write")]))
    check_shared(response, vendor, 1)
    (share,), _ = shown(vendor)
    same(share.get_user().get_id(), rohan, "who is not named loses it")
    same(share.get_permission(), "read_write", "what Rohan may do now")
    again = shares_of(vendor).share_record(body([(rohan, "read_only")]))
    error = answered(again, 400, share_records.APIException, "a second share")
    text = "record is already visible to the user."
    refused(error, share_records.APIException, "INVALID_DATA", text, "a second share")


def check_revoking(vendor):
    response = shares_of(vendor).revoke_shared_record()
    item = answered(response, 200, share_records.DeleteActionWrapper, "revoking").get_share()
    succeeded(item, share_records.SuccessResponse, "Sharing Revoked", "revoking")
    same(shown(vendor)[0], [], "a vendor that was taken back")
    error = answered(
        shares_of(vendor).revoke_shared_record(), 400, share_records.APIException, "twice"
    )
    text = "No sharing through this record is available to revoke."
    refused(error, share_records.APIException, "BAD_REQUEST", text, "revoking twice")


if __name__ == "__main__":
    session.sign_in()
    VENDOR = fresh_vendor()
    ROHAN = check_shares(VENDOR)
    check_new_permissions(VENDOR, ROHAN)
    check_revoking(VENDOR)
