//! Fields and layouts, as clients read them (wire API 11.2, 11.3).

use crate::metadata::{ADMIN, DESK, Demo, each_is, item, texts};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    fields_are_whole_and_of_the_types_that_clients_read,
    fields_are_found_by_type_and_by_id,
    fields_of_each_kind_say_what_they_are,
    hidden_fields_are_left_out_and_read_only_ones_say_so,
    layouts_have_sections_of_fields,
    what_the_sdks_ask_for_that_is_no_field_is_answered,
}

/// Checks that every key of a field is of the type that the SDKs read (wire API 11.2).
fn checked(field: &Json) {
    let is = |key: &str, words: &[&str]| {
        let word = field[key].as_str().unwrap();
        assert!(words.contains(&word), "{key} {word}");
    };
    is(
        "json_type",
        &[
            "string",
            "integer",
            "double",
            "boolean",
            "jsonarray",
            "jsonobject",
        ],
    );
    assert!(field["id"].is_string() && field["data_type"].is_string());
    each_is(
        field,
        &[
            "operation_type",
            "view_type",
            "tooltip",
            "textarea",
            "association_details",
            "sharing_properties",
            "refer_from_field",
            "subform",
            "external",
            "unique",
            "private",
            "crypt",
            "auto_number",
            "autonumber",
            "email_parser",
            "currency",
            "lookup",
            "multiselectlookup",
            "multiuserlookup",
            "multi_module_lookup",
            "hipaa_compliance",
            "convert_mapping",
            "rollup_summary",
            "history_tracking",
            "formula",
            "global_picklist",
            "associated_module",
            "sub_module",
        ],
        "an object",
        Json::is_object,
    );
    each_is(
        field,
        &[
            "profiles",
            "pick_list_values",
            "layout_associations",
            "allowed_modules",
            "file_upolad_optionlist",
            "customizable_properties",
        ],
        "a list",
        Json::is_array,
    );
    each_is(
        field,
        &[
            "length",
            "decimal_place",
            "display_type",
            "ui_type",
            "show_type",
            "sequence_number",
            "category",
        ],
        "an integer",
        Json::is_i64,
    );
    each_is(
        field,
        &[
            "quick_sequence_number",
            "default_value",
            "column_name",
            "created_source",
            "type",
            "created_time",
            "modified_time",
        ],
        "a text",
        Json::is_string,
    );
    each_is(
        field,
        &[
            "custom_field",
            "system_mandatory",
            "read_only",
            "field_read_only",
            "visible",
            "mass_update",
            "virtual_field",
            "searchable",
            "sortable",
            "filterable",
        ],
        "a truth value",
        Json::is_boolean,
    );
}

mod check {
    use super::*;

    pub(super) fn fields_are_whole_and_of_the_types_that_clients_read(kind: Kind) {
        let demo = Demo::start(kind);
        for module in &demo.catalog.modules {
            let path = format!("settings/fields?module={}", module.api_name);
            let fields = demo.list(ADMIN, &path, "fields");
            let names: Vec<&str> = module.fields.iter().map(|field| &*field.api_name).collect();
            let with_territories = module.territories && module.api_name != "Deals";
            let more: &[&str] = if with_territories {
                &["Territories"]
            } else {
                &[]
            };
            assert_eq!(texts(&fields, "api_name"), [&names, more].concat());
            fields.iter().for_each(checked);
            // One field is the same by its id.
            let path = format!(
                "settings/fields/{}?module={}",
                module.fields[0].id, module.api_name
            );
            assert_eq!(demo.list(ADMIN, &path, "fields"), fields[..1]);
        }
    }

    pub(super) fn fields_are_found_by_type_and_by_id(kind: Kind) {
        let demo = Demo::start(kind);
        let leads = demo.list(ADMIN, "settings/fields?module=Leads", "fields");
        for query in [
            "type=all",
            "type=used",
            "include=allowed_permissions_to_update",
        ] {
            let path = format!("settings/fields?module=Leads&{query}");
            assert_eq!(demo.list(ADMIN, &path, "fields"), leads);
        }
        demo.nothing(ADMIN, "settings/fields?module=Leads&type=unused");
        demo.get(ADMIN, "settings/fields?module=Leads&type=odd")
            .is_error(
                400,
                "INVALID_DATA",
                "invalid data",
                &json!({ "param_name": "type", "supported_values": ["all", "used", "unused"] }),
            );
        demo.nothing(ADMIN, "settings/fields/999999?module=Leads");
        let of_deals = demo.module("Deals").fields[0].id;
        demo.nothing(ADMIN, &format!("settings/fields/{of_deals}?module=Leads"));
        demo.get(ADMIN, "settings/fields/Industry?module=Leads")
            .is_error(
                400,
                "INVALID_DATA",
                "the id given seems to be invalid",
                &json!({ "resource_path_index": 2 }),
            );
    }

    pub(super) fn fields_of_each_kind_say_what_they_are(kind: Kind) {
        let demo = Demo::start(kind);
        let fields = demo.list(ADMIN, "settings/fields?module=Leads", "fields");
        let of = |name: &str| item(&fields, name);

        let source = of("Lead_Source");
        assert_eq!(
            (&source["data_type"], &source["length"]),
            (&json!("picklist"), &json!(120))
        );
        assert_eq!(
            (&source["mass_update"], &source["custom_field"]),
            (&json!(true), &json!(false))
        );
        let picks = source["pick_list_values"].as_array().unwrap();
        let pick = &demo.module("Leads").field("Lead_Source").unwrap().values[0];
        assert_eq!(
            picks[0],
            json!({
                "display_value": pick.value, "actual_value": pick.value,
                "reference_value": pick.value, "colour_code": null, "sequence_number": 1,
                "id": pick.id.to_string(), "type": "used",
            })
        );

        let account = demo.module("Contacts");
        let referred = of("Referred_By");
        assert_eq!(
            referred["lookup"]["module"],
            json!({
                "api_name": "Contacts", "id": account.id.to_string(),
            })
        );
        assert_eq!(referred["json_type"], "jsonobject");
        assert_eq!(of("Owner")["data_type"], "ownerlookup");
        for name in ["Owner", "Technician", "Layout", "Email"] {
            assert_eq!(of(name)["lookup"], json!({}), "{name}");
        }

        let number = of("Lead_Number");
        assert_eq!(
            number["auto_number"],
            json!({"prefix": "L-", "suffix": "", "start_number": 1001})
        );
        assert_eq!(
            (&number["read_only"], &number["mass_update"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(number["operation_type"]["api_create"], false);
        assert_eq!(
            of("Budget")["currency"],
            json!({"rounding_option": "normal", "precision": 2})
        );
        assert_eq!(of("Budget")["decimal_place"], 2);
        assert_eq!(of("Well_Depth")["decimal_place"], 1);
        assert_eq!(of("Well_Depth")["json_type"], "double");
        assert_eq!(of("External_Id")["unique"], json!({"casesensitive": "0"}));
        assert_eq!(of("External_Id")["length"], 64);
        assert_eq!(of("Uses")["json_type"], "jsonarray");
        assert_eq!(of("Score")["length"], 9);
        assert_eq!(of("Last_Name")["system_mandatory"], true);
        assert_eq!(of("Company")["system_mandatory"], false);
        assert_eq!(of("Full_Name")["virtual_field"], true);
        assert_eq!(of("Full_Name")["display_field"], true);
        assert_eq!(of("Created_Time")["read_only"], true);
        assert_eq!(of("Pump_Type")["created_source"], "userdefined");
    }

    pub(super) fn hidden_fields_are_left_out_and_read_only_ones_say_so(kind: Kind) {
        let demo = Demo::start(kind);
        let all = demo.list(ADMIN, "settings/fields?module=Leads", "fields");
        let desk = demo.list(DESK, "settings/fields?module=Leads", "fields");
        assert_eq!(desk.len() + 2, all.len());
        for name in ["Annual_Revenue", "Budget"] {
            assert!(!texts(&desk, "api_name").contains(&name));
            let id = demo.module("Leads").field(name).unwrap().id;
            demo.nothing(DESK, &format!("settings/fields/{id}?module=Leads"));
            let layouts = demo.get(DESK, "settings/layouts?module=Leads").text;
            assert!(!layouts.contains(&format!("\"{name}\"")), "{name}");
        }
        let source = item(&desk, "Lead_Source");
        assert_eq!(
            (&source["read_only"], &source["field_read_only"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(source["view_type"]["edit"], false);
        assert_eq!(item(&all, "Lead_Source")["field_read_only"], false);
        let profiles = item(&all, "Budget")["profiles"].as_array().unwrap();
        let rights: Vec<(&str, &str)> = texts(profiles, "name")
            .into_iter()
            .zip(texts(profiles, "permission_type"))
            .collect();
        assert_eq!(
            rights,
            [
                ("Administrator", "read_write"),
                ("Standard", "read_write"),
                ("Care Desk", "hidden"),
            ]
        );
        // The columns of a view are fields too.
        let hot = demo
            .module("Leads")
            .views
            .iter()
            .find(|view| view.name == "Hot Leads")
            .unwrap();
        let path = format!("settings/custom_views/{}?module=Leads", hot.id);
        let columns = demo.list(DESK, &path, "custom_views")[0]["fields"].clone();
        assert_eq!(columns.as_array().unwrap().len() + 1, hot.fields.len());
    }

    pub(super) fn layouts_have_sections_of_fields(kind: Kind) {
        let demo = Demo::start(kind);
        for module in &demo.catalog.modules {
            let path = format!("settings/layouts?module={}", module.api_name);
            let layouts = demo.list(ADMIN, &path, "layouts");
            assert_eq!(layouts.len(), module.layouts.len());
            for (shown, layout) in layouts.iter().zip(&module.layouts) {
                assert_eq!(shown["id"], layout.id.to_string());
                assert_eq!(
                    (&shown["status"], &shown["visible"]),
                    (&json!("active"), &json!(true))
                );
                let sections = shown["sections"].as_array().unwrap();
                for (shown, section) in sections.iter().zip(&layout.sections) {
                    let fields = shown["fields"].as_array().unwrap();
                    assert_eq!(texts(fields, "api_name"), section.fields);
                    for field in fields {
                        let name = field["api_name"].as_str().unwrap();
                        let required = section.required.iter().any(|known| known == name);
                        let mandatory = field["system_mandatory"] == true;
                        assert_eq!(field["required"], required || mandatory, "{name}");
                    }
                }
                let one = format!("settings/layouts/{}?module={}", layout.id, module.api_name);
                assert_eq!(
                    &demo.list(ADMIN, &one, "layouts"),
                    std::slice::from_ref(shown)
                );
            }
        }
        demo.nothing(ADMIN, "settings/layouts/999999?module=Leads");
        assert_eq!(
            demo.get(ADMIN, "settings/layouts/odd?module=Leads").status,
            400
        );
    }

    pub(super) fn what_the_sdks_ask_for_that_is_no_field_is_answered(kind: Kind) {
        let demo = Demo::start(kind);
        demo.nothing(ADMIN, "settings/fields?module=Locking_Information__s");

        let leads = demo.list(ADMIN, "settings/fields?module=Leads", "fields");
        let territories = item(&leads, "Territories");
        assert_eq!(territories["data_type"], "territories");
        assert_eq!(territories["json_type"], "jsonarray");
        // Without this the SDKs read them as maps.
        assert_eq!(territories["custom_field"], false);
        assert_eq!(territories["read_only"], true);
        let ids = texts(&leads, "id");
        let id = territories["id"].as_str().unwrap();
        assert_eq!(ids.iter().filter(|known| **known == id).count(), 1);
        let path = format!("settings/fields/{id}?module=Leads");
        assert_eq!(
            &demo.list(ADMIN, &path, "fields"),
            std::slice::from_ref(territories)
        );
        for module in ["Deals", "Tasks"] {
            let path = format!("settings/fields?module={module}");
            let fields = demo.list(ADMIN, &path, "fields");
            assert!(!texts(&fields, "api_name").contains(&"Territories"));
            let id = demo.module(module).id;
            demo.nothing(ADMIN, &format!("settings/fields/{id}?module={module}"));
        }
    }
}
