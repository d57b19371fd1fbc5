//! What the wire API calls its endpoints. A name can stand for several lines of the table of routes.

macro_rules! endpoints {
    ($($name:ident = $text:literal,)*) => {
        /// An endpoint, as people call it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Endpoint { $(#[doc = $text] $name,)* }

        impl Endpoint {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as API_NOT_SUPPORTED says it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

endpoints! {
    GetRecords = "Get Records",
    InsertRecords = "Insert Records",
    UpdateRecords = "Update Records",
    DeleteRecords = "Delete Records",
    GetDeletedRecords = "Get Deleted Records",
    GetARecord = "Get a Record",
    UpdateARecord = "Update a Record",
    DeleteARecord = "Delete a Record",
    Timelines = "Timelines",
    RecordLocking = "Record Locking",
    Notes = "Notes",
    Attachments = "Attachments",
    Blueprint = "Blueprint",
    ConversionOptions = "Conversion Options",
    ConvertLead = "Convert Lead",
    ShareRecords = "Share Records",
    AssignTerritories = "Assign Territories",
    RemoveTerritories = "Remove Territories",
    AddTags = "Add Tags",
    RemoveTags = "Remove Tags",
    MassUpdate = "Mass Update",
    MassUpdateStatus = "Mass Update Status",
    MassDelete = "Mass Delete",
    MassConvert = "Mass Convert",
    ChangeOwner = "Change Owner",
    MassChangeOwner = "Mass Change Owner",
    Organization = "Organization",
    Users = "Users",
    Modules = "Modules",
    Fields = "Fields",
    Layouts = "Layouts",
    RecordLockingConfigurations = "Record Locking Configurations",
    CustomViews = "Custom Views",
    Roles = "Roles",
    Profiles = "Profiles",
    Territories = "Territories",
    Tags = "Tags",
    RecycleBin = "Recycle Bin",
    RestoreRecycleBinRecords = "Restore Recycle Bin Records",
    EmptyRecycleBin = "Empty Recycle Bin",
    Native = "the native API",
}
