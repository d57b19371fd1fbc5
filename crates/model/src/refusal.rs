//! Why a caller is told no: a code of the wire API, a sentence, and what was wrong.

use crate::reason::Reason;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $status:literal $message:literal,)*) => {
        /// A code of the wire API. Its usual HTTP status and sentence stand in the table below;
        /// what differs by version is in the server's version table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* #[doc = $message] $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code of a word that the wire writes.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            /// The code as the wire writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The usual HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The usual sentence.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    InvalidUrlPattern = "INVALID_URL_PATTERN" 404 "Please check if the URL trying to access is a correct one",
    InvalidRequestMethod = "INVALID_REQUEST_METHOD" 400 "The http request method type is not a valid one",
    ApiNotSupported = "API_NOT_SUPPORTED" 400 "This API is not supported in this API version",
    AuthenticationFailure = "AUTHENTICATION_FAILURE" 401 "Authentication failed",
    InvalidToken = "INVALID_TOKEN" 401 "invalid oauth token",
    OauthScopeMismatch = "OAUTH_SCOPE_MISMATCH" 401 "invalid oauth scope to access this URL",
    AuthorizationFailed = "AUTHORIZATION_FAILED" 400 "User does not have sufficient privilege to perform this operation",
    NoPermission = "NO_PERMISSION" 403 "permission denied",
    InvalidModule = "INVALID_MODULE" 400 "the module name given seems to be invalid",
    NotSupported = "NOT_SUPPORTED" 400 "The requested operation is not supported",
    FeatureNotSupported = "FEATURE_NOT_SUPPORTED" 400 "This feature is not available in your edition",
    NotAllowed = "NOT_ALLOWED" 403 "The requested operation is not allowed",
    InvalidData = "INVALID_DATA" 400 "invalid data",
    MandatoryNotFound = "MANDATORY_NOT_FOUND" 400 "required field not found",
    RequiredParamMissing = "REQUIRED_PARAM_MISSING" 400 "One of the expected parameter is missing",
    UnableToParseDataType = "UNABLE_TO_PARSE_DATA_TYPE" 400 "either the request body or parameters is in wrong format",
    PatternNotMatched = "PATTERN_NOT_MATCHED" 400 "Please check whether the input values are correct",
    AmbiguityDuringProcessing = "AMBIGUITY_DURING_PROCESSING" 400 "Ambiguity while processing the request",
    DuplicateData = "DUPLICATE_DATA" 400 "duplicate data",
    AlreadyUsed = "ALREADY_USED" 400 "Duplicate territory ID found",
    AlreadyModified = "ALREADY_MODIFIED" 412 "Record updated time has already passed if-unmodified-since time",
    LimitExceeded = "LIMIT_EXCEEDED" 400 "Record count exceeded",
    DiscretePaginationLimitExceeded = "DISCRETE_PAGINATION_LIMIT_EXCEEDED" 400 "page limit exceeded: use page_token to read beyond the first 2000 records",
    PaginationLimitExceeded = "PAGINATION_LIMIT_EXCEEDED" 400 "pagination limit exceeded: at most 100000 records can be read by page_token",
    TokenBoundDataMismatch = "TOKEN_BOUND_DATA_MISMATCH" 400 "the request does not match the one that the page_token was made for",
    ExpiredValue = "EXPIRED_VALUE" 400 "page_token has expired",
    AlreadyScheduled = "ALREADY_SCHEDULED" 400 "Already a Mass Action scheduler is running for the given cvid",
    NoRecordsFound = "NO_RECORDS_FOUND" 400 "no record found to update",
    NotFound = "NOT_FOUND" 404 "Empty response",
    RecordLocked = "RECORD_LOCKED" 400 "Sorry, you cannot perform this operation as the record is locked.",
    NotApproved = "NOT_APPROVED" 400 "record not approved",
    CannotProcess = "CANNOT_PROCESS" 400 "The record is in stop processing",
    CannotPerformAction = "CANNOT_PERFORM_ACTION" 400 "no permission to perform an action on this record",
    CannotAssign = "CANNOT_ASSIGN" 403 "The user you are trying to assign does not have permission for this module.",
    RecordInBlueprint = "RECORD_IN_BLUEPRINT" 400 "The record is in blue print",
    RecordNotInProcess = "RECORD_NOT_IN_PROCESS" 400 "record not in process",
    MappingMismatch = "MAPPING_MISMATCH" 400 "the values given do not go together",
    RecordLimitExceeded = "RECORD_LIMIT_EXCEEDED" 400 "The number of records exceeds the limit",
    CombinedCriteriaLimitExceeded = "COMBINED_CRITERIA_LIMIT_EXCEEDED" 400 "Given CVID has more than 25 criteria, so change owner not done.",
    ExpectedParamMissing = "EXPECTED_PARAM_MISSING" 400 "mandatory param missing",
    CannotRestoreWithoutParent = "CANNOT_RESTORE_WITHOUT_PARENT" 400 "the record was deleted along with another one: restore that one",
    ExpectedFieldMissing = "EXPECTED_FIELD_MISSING" 400 "Specify atleast one field",
    DependentFieldMissing = "DEPENDENT_FIELD_MISSING" 400 "Dependent Field missing",
    ConvertedRecord = "CONVERTED_RECORD" 400 "can't update the converted record",
    NotReviewed = "NOT_REVIEWED" 400 "record not reviewed",
    IdAlreadyConverted = "ID_ALREADY_CONVERTED" 400 "id already converted",
    ShareLimitExceeded = "SHARE_LIMIT_EXCEEDED" 400 "Cannot share a record to more than 10 users.",
    BadRequest = "BAD_REQUEST" 400 "No sharing through this record is available to revoke.",
    TooManyRequests = "TOO_MANY_REQUESTS" 429 "too many requests. please try again after some time",
    InternalError = "INTERNAL_ERROR" 500 "Internal Server Error",
    /// Ours: the record was deleted between the job's acceptance and its turn.
    Gone = "GONE" 400 "the record was deleted after the job was accepted",
    /// Ours: the record is no longer shown to who started the job.
    NotVisible = "NOT_VISIBLE" 400 "the record is no longer shown to the user who started the job",
    /// Ours: the record no longer belongs to the job's selection.
    LeftSelection = "LEFT_SELECTION" 400 "the record left the selection after the job was accepted",
    /// Ours: the field of the change was removed, or is of another type now.
    FieldGone = "FIELD_GONE" 400 "the field was removed or changed its type after the job was accepted",
    /// Ours: the record is no longer as the plan saw it, and was left as it is.
    ChangedSincePlan = "CHANGED_SINCE_PLAN" 400 "the record changed after the plan was made, and was left as it is",
    /// Ours: a value is no longer as the job left it, and is not put back.
    ChangedSince = "CHANGED_SINCE" 400 "the record was changed after the job, and what was changed is not put back",
    /// Ours: the plan cannot be run any more.
    PlanOutdated = "PLAN_OUTDATED" 409 "the plan cannot be run any more: make a new one",
    /// Ours: the job is in a state in which this cannot be done to it.
    WrongState = "WRONG_STATE" 409 "this cannot be done to the job in the state that it is in",
    /// Ours: not so many records are selected as the caller expects.
    UnexpectedCount = "UNEXPECTED_COUNT" 409 "another number of records is selected than was expected; nothing was changed",
    /// Ours: the idempotency key was used for another request.
    KeyReused = "IDEMPOTENCY_KEY_REUSED" 409 "this idempotency key was used for another request",
    /// Ours: the workflow rule is not there any more, or switched off.
    RuleGone = "RULE_GONE" 400 "the workflow rule was removed or switched off before it was run",
    /// Ours: too many workflow rules set one another off.
    RuleLoop = "RULE_LOOP" 400 "too many workflow rules had set one another off",
    /// Ours: the database is busy or away; nothing was changed.
    ServiceUnavailable = "SERVICE_UNAVAILABLE" 503 "the database is not available now; nothing was changed, try again",
}

impl Code {
    /// Whether a record that is refused so is no longer as its job's plan saw it, whatever the action.
    pub fn is_stray(self) -> bool {
        matches!(
            self,
            Self::ChangedSincePlan | Self::Gone | Self::NotVisible | Self::LeftSelection
        )
    }
}

/// A refusal: the request, or one item of it, is told no and nothing was changed by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The sentence.
    pub message: Cow<'static, str>,
    /// What was wrong, in the wire API's own keys (`api_name`, `json_path`, `param_name` …).
    pub details: Map<String, Json>,
    /// What the code leaves open; the rest is how it is told where nothing else is said.
    pub reason: Reason,
}

impl Refusal {
    /// A refusal with the code's usual sentence.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.message()),
            details: Map::new(),
            reason: Reason::Usual,
        }
    }

    /// The same with another sentence.
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The same for this reason.
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// The same with one more detail.
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// INVALID_DATA at a field of the body.
    pub fn invalid(api_name: &str, json_path: impl Into<String>) -> Self {
        Self::new(Code::InvalidData)
            .with("api_name", api_name)
            .with("json_path", json_path.into())
    }

    /// MANDATORY_NOT_FOUND at a field of the body.
    pub fn mandatory(api_name: &str, json_path: impl Into<String>) -> Self {
        Self::new(Code::MandatoryNotFound)
            .with("api_name", api_name)
            .with("json_path", json_path.into())
    }

    /// NO_PERMISSION naming the missing permissions, `Crm_Implied_Edit_Leads` and the like.
    pub fn no_permission(permission: impl Into<String>) -> Self {
        Self::new(Code::NoPermission)
            .because(Reason::MissingRight)
            .with("permissions", vec![Json::from(permission.into())])
    }

    /// The wire's error object. `details` is always an object.
    pub fn to_json(&self) -> Json {
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.as_str().into());
        error.insert("details".to_owned(), Json::Object(self.details.clone()));
        error.insert("message".to_owned(), self.message.as_ref().into());
        error.insert("status".to_owned(), "error".into());
        Json::Object(error)
    }
}
