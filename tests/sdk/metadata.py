"""What the SDK reads about the org: modules, fields, layouts, views and people."""

import json
import os

from zohocrmsdk.src.com.zoho.crm.api import custom_views, fields, layouts, modules, org
from zohocrmsdk.src.com.zoho.crm.api import profiles, record, roles, territories, users

import session
from session import answered, nothing, parameters, same

MODULES = [
    "Leads",
    "Accounts",
    "Contacts",
    "Deals",
    "Tasks",
    "Events",
    "Calls",
    "Campaigns",
    "Products",
    "Vendors",
    "Price_Books",
    "Quotes",
    "Sales_Orders",
    "Purchase_Orders",
    "Invoices",
    "Cases",
    "Solutions",
    "Site_Visits",
]


def check_modules():
    response = modules.ModulesOperations().get_modules()
    found = answered(response, 200, modules.ResponseWrapper, "modules").get_modules()
    names = [module.get_api_name() for module in found if module.get_api_supported()]
    same([name for name in names if name in MODULES], MODULES, "modules")
    response = modules.ModulesOperations().get_module_by_api_name("Site_Visits")
    (one,) = answered(response, 200, modules.ResponseWrapper, "a module").get_modules()
    same(one.get_plural_label(), "Site Visits", "the label of a module of the company's own")
    same(one.get_generated_type().get_value(), "custom", "how it came to be")


def fields_of(module):
    asked = parameters([(fields.GetFieldsParam.module, module)])
    response = fields.FieldsOperations().get_fields(asked)
    what = f"fields of {module}"
    found = answered(response, 200, fields.ResponseWrapper, what).get_fields()
    return {field.get_api_name(): field for field in found}


def check_fields():
    for module in MODULES:
        for name, field in fields_of(module).items():
            what = f"{module}.{name}"
            assert isinstance(field.get_id(), int), f"{what}: the id is {field.get_id()!r}"
            assert isinstance(field.get_mass_update(), bool), f"{what}: mass_update"
            assert field.get_data_type(), f"{what}: data_type"
    check_fields_of_leads(fields_of("Leads"))
    site_visit_lead = fields_of("Site_Visits")["Lead"]
    same(site_visit_lead.get_lookup().get_module().get_api_name(), "Leads", "Site_Visits.Lead")


def check_fields_of_leads(leads):
    types = {
        "Pump_Type": "picklist",
        "Uses": "multiselectpicklist",
        "Budget": "currency",
        "Wanted_By": "date",
        "Last_Called": "datetime",
        "Has_Grid": "boolean",
        "Referred_By": "lookup",
        "Technician": "userlookup",
        "Owner": "ownerlookup",
        "Score": "integer",
        "Lead_Number": "autonumber",
    }
    found = {name: leads[name].get_data_type() for name in types}
    same(found, types, "types of the fields of Leads")
    same(leads["Last_Name"].get_system_mandatory(), True, "Last_Name is mandatory")
    same(leads["Lead_Source"].get_mass_update(), True, "Lead_Source may be mass updated")
    same(leads["Email"].get_mass_update(), False, "Email may not")
    values = [value.get_display_value() for value in leads["Uses"].get_pick_list_values()]
    assert "Livestock" in values, f"values of Uses: {values}"
    same(leads["Referred_By"].get_lookup().get_module().get_api_name(), "Contacts", "the lookup")


def check_one_field():
    score = fields_of("Leads")["Score"]
    asked = parameters([(fields.GetFieldParam.module, "Leads")])
    response = fields.FieldsOperations().get_field(score.get_id(), asked)
    (one,) = answered(response, 200, fields.ResponseWrapper, "a field").get_fields()
    same(one.get_api_name(), "Score", "a field by its id")


def check_layouts():
    for module in MODULES:
        asked = parameters([(layouts.GetLayoutsParam.module, module)])
        response = layouts.LayoutsOperations().get_layouts(asked)
        found = answered(response, 200, layouts.ResponseWrapper, f"layouts of {module}")
        (layout,) = found.get_layouts()
        same(layout.get_name(), "Standard", f"the layout of {module}")
        shown = [field for part in layout.get_sections() for field in part.get_fields()]
        names = [field.get_api_name() for field in shown]
        assert names and None not in names, f"fields in the layout of {module}: {names}"
        asked = parameters([(layouts.GetLayoutParam.module, module)])
        response = layouts.LayoutsOperations().get_layout(layout.get_id(), asked)
        answered(response, 200, layouts.ResponseWrapper, f"one layout of {module}")


def check_views():
    operations = custom_views.CustomViewsOperations()
    for module in MODULES:
        asked = parameters([(custom_views.GetCustomViewsParam.module, module)])
        response = operations.get_custom_views(asked)
        found = answered(response, 200, custom_views.ResponseWrapper, f"views of {module}")
        views = {view.get_name(): view for view in found.get_custom_views()}
        assert len(views) > 1, f"views of {module}: {list(views)}"
        if module == "Leads":
            same(views["Open Leads"].get_system_name(), "OPENLEADVIEWS", "a view of the system")
            check_one_view(views["Hot Leads"].get_id())
    asked = parameters([(custom_views.GetCustomViewParam.module, "Leads")])
    nothing(operations.get_custom_view(session.NO_SUCH_ID, asked), "an unknown view")


def check_one_view(view_id):
    """(… and (Lead_Status in …) and ((Score >= 80) or ((Budget > 25000) and …)))"""
    asked = parameters([(custom_views.GetCustomViewParam.module, "Leads")])
    response = custom_views.CustomViewsOperations().get_custom_view(view_id, asked)
    found = answered(response, 200, custom_views.ResponseWrapper, "a view")
    (view,) = found.get_custom_views()
    same(view.get_access_type().get_value(), "public", "who may see it")
    same(view.get_fields()[0].get_api_name(), "Full_Name", "its first column")
    criteria = view.get_criteria()
    same(criteria.get_group_operator(), "AND", "the group of the criteria")
    _, status, rich = criteria.get_group()
    same(criterion(status)[:2], ("Lead_Status", "in"), "a criterion")
    same(sorted(status.get_value()), ["Contact in Future", "Contacted"], "its values")
    same(rich.get_group_operator(), "OR", "the group inside")
    score, poor = rich.get_group()
    same(criterion(score), ("Score", "greater_equal", "80"), "a criterion of the group inside")
    same(len(poor.get_group()), 2, "criteria of the innermost group")


def criterion(one):
    return (one.get_field().get_api_name(), one.get_comparator(), str(one.get_value()))


def check_users():
    same([user.get_email() for user in users_of("CurrentUser")], [session.ADMIN], "the user")
    everybody = {user.get_email(): user for user in users_of("AllUsers")}
    same(len(everybody), 10, "users")
    rohan = everybody["rohan.desai@kestrel-rowe.example.com"]
    same(rohan.get_role().get_name(), "Field Sales", "a user's role")
    same(rohan.get_profile().get_name(), "Standard", "a user's profile")
    piet = everybody["piet.vos@kestrel-rowe.example.com"]
    same(piet.get_status(), "inactive", "a user who left")
    response = users.UsersOperations().get_user(rohan.get_id())
    (one,) = answered(response, 200, users.ResponseWrapper, "a user").get_users()
    same(one.get_full_name(), "Rohan Desai", "a user by id")


def users_of(kind):
    asked = parameters([(users.GetUsersParam.type, kind)])
    response = users.UsersOperations().get_users(asked)
    return answered(response, 200, users.ResponseWrapper, f"users: {kind}").get_users()


def check_org():
    response = org.OrgOperations().get_organization()
    (found,) = answered(response, 200, org.ResponseWrapper, "the org").get_org()
    same(found.get_company_name(), "Kestrel & Rowe Solar Pumps", "the company")
    same(found.get_iso_code(), "EUR", "the currency")
    assert found.get_zgid(), "the number that the SDK keeps tokens under"


def check_roles():
    response = roles.RolesOperations().get_roles()
    found = answered(response, 200, roles.ResponseWrapper, "roles").get_roles()
    named = {role.get_name(): role for role in found}
    lead = named["Regional Lead"]
    same(lead.get_reporting_to().get_name(), "Head of Sales", "the role above")
    same(lead.get_share_with_peers(), True, "peers share")
    response = roles.RolesOperations().get_role(lead.get_id())
    answered(response, 200, roles.ResponseWrapper, "a role")


def check_profiles():
    response = profiles.ProfilesOperations().get_profiles()
    found = answered(response, 200, profiles.ResponseWrapper, "profiles").get_profiles()
    named = {profile.get_name(): profile for profile in found}
    same(named["Care Desk"].get_custom(), True, "the company's own profile")
    response = profiles.ProfilesOperations().get_profile(named["Care Desk"].get_id())
    (one,) = answered(response, 200, profiles.ResponseWrapper, "a profile").get_profiles()
    allowed = {right.get_name(): right.get_enabled() for right in one.get_permissions_details()}
    same(allowed.get("Crm_Implied_View_Leads"), True, "what Care Desk may do")
    same(allowed.get("Crm_Implied_Delete_Leads"), False, "what it may not")


def check_territories():
    operations = territories.TerritoriesOperations()
    response = operations.get_territories()
    found = answered(response, 200, territories.ResponseWrapper, "territories")
    named = {territory.get_name(): territory for territory in found.get_territories()}
    europe = named["Europe"]
    same(europe.get_reporting_to().get_name(), "World", "the territory above")
    same(europe.get_manager().get_name(), "Inês Faria", "its manager")
    same(named["World"].get_reporting_to(), None, "nothing is above the world")
    same(named["Nordics"].get_permission_type().get_value(), "read_only", "what its users may do")
    response = operations.get_child_territory(europe.get_id())
    found = answered(response, 200, territories.ResponseWrapper, "territories below")
    below = sorted(territory.get_name() for territory in found.get_territories())
    same(below, ["Iberia", "Nordics"], "territories below Europe")
    nothing(operations.get_child_territory(named["Iberia"].get_id()), "territories below Iberia")
    response = operations.get_territory(europe.get_id())
    answered(response, 200, territories.ResponseWrapper, "a territory")


def check_auto_refresh():
    """With this setting the SDK reads every module and its fields before the first call."""
    folder = session.sign_in(auto_refresh_fields=True)
    asked = parameters([(record.GetRecordsParam.fields, "Last_Name")])
    response = record.RecordOperations("Leads").get_records(asked)
    answered(response, 200, record.ResponseWrapper, "leads, with fields refreshed")
    (cached,) = os.listdir(os.path.join(folder, "resources"))
    with open(os.path.join(folder, "resources", cached), encoding="utf-8") as file:
        known = json.load(file)
    missing = [module for module in MODULES if not known.get(module.lower())]
    same(missing, [], "modules whose fields the SDK did not take")


if __name__ == "__main__":
    session.sign_in()
    check_modules()
    check_fields()
    check_one_field()
    check_layouts()
    check_views()
    check_users()
    check_org()
    check_roles()
    check_profiles()
    check_territories()
    check_auto_refresh()
