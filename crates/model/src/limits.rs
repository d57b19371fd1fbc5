//! Every bound on what comes from outside, by name. Sources are sections of the wire API.

/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Nesting of a JSON body.
pub const BODY_DEPTH_MAX: usize = 64;
/// Ids of the immediate form of mass update (1.2).
pub const IDS_MAX: usize = 500;
/// Items of `related_modules` in a change of owner (5, and 21, row 49).
pub const RELATED_MODULES_MAX: usize = 5;
/// Records that change their owner because others do, in one call.
pub const RELATED_RECORDS_MAX: usize = 5_000;
/// Records of one scheduled mass action (1.6), where the org does not say another number.
pub const VIEW_RECORDS_MAX: usize = 50_000;
/// Records of one job that an org may say at most.
pub const JOB_RECORDS_MAX: usize = 5_000_000;
/// Milliseconds for which the answer to an idempotency key is kept.
pub const IDEMPOTENCY_MS: i64 = 24 * 60 * 60 * 1000;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Records a second that a throttle may say.
pub const THROTTLE_MAX: i64 = 1_000_000;
/// Jobs of one page of the native list.
pub const JOBS_PER_PAGE: usize = 50;
/// Fields of one mass update of the native API.
pub const UPDATE_FIELDS_MAX: usize = 25;
/// Records that a plan shows, and ids that it names for each reason of refusal.
pub const PLAN_SAMPLE_MAX: usize = 20;
/// Bytes of the texts that a plan shows.
pub const PLAN_SAMPLE_BYTES_MAX: usize = 256 * 1024;
/// Reasons of refusal that a plan tells apart by their sentences.
pub const PLAN_REASONS_MAX: usize = 100;
/// Milliseconds within which a job can be made from a plan.
pub const PLAN_MS: i64 = 24 * 60 * 60 * 1000;
/// Milliseconds that a job can be put off.
pub const RUN_AHEAD_MS_MAX: i64 = 366 * 24 * 60 * 60 * 1000;
/// Records that a job made from a plan may find changed.
pub const TOLERANCE_MAX: i64 = 10_000_000;
/// Approval processes of one module.
pub const APPROVAL_PROCESSES_MAX: usize = 20;
/// Steps of one approval process.
pub const APPROVAL_STEPS_MAX: usize = 10;
/// Users and roles that one step names.
pub const APPROVAL_APPROVERS_MAX: usize = 25;
/// Characters of a comment on an approval.
pub const APPROVAL_COMMENT_MAX: usize = 1_000;
/// Approvals on one page of the native list.
pub const APPROVALS_PER_PAGE: usize = 50;
/// Calls to the outside on one page of the native list.
pub const CALLS_PER_PAGE: usize = 50;
/// Dead calls that one request owes anew.
pub const CALLS_RESENT_MAX: usize = 1_000;
/// Bytes of a URL that is called when a job ends.
pub const NOTIFY_URL_BYTES_MAX: usize = 2_000;
/// Records that may be deleted or restored along with one that they belong to.
pub const ALONG_PER_RECORD_MAX: usize = 1_000;
/// Records that may be deleted along in one transaction; those left over are for the next.
pub const ALONG_PER_CHUNK_MAX: usize = 5_000;
/// A job for a view of as many records or more fires no automation (1.8).
pub const AUTOMATION_RECORDS_MAX: i64 = 1_000;
/// Ids of one restoring call (recycle bin, restore).
pub const RESTORE_IDS_MAX: usize = 200;
/// Deleted records that can be paged through.
pub const PAGED_DELETED_MAX: usize = 100_000;
/// Records of one insert, update or delete call (9.2 to 9.4).
pub const RECORDS_PER_CALL_MAX: usize = 100;
/// Records of one page (9.1).
pub const PER_PAGE_MAX: usize = 200;
/// Records readable by `page` (9.1).
pub const PAGED_RECORDS_MAX: usize = 2_000;
/// Records readable by `page_token` (9.1).
pub const TOKEN_RECORDS_MAX: usize = 100_000;
/// Milliseconds that a `page_token` lives (9.1).
pub const PAGE_TOKEN_MS: i64 = 24 * 60 * 60 * 1000;
/// Territories of one page (12).
pub const TERRITORIES_PER_PAGE_MAX: usize = 2_000;
/// Ids in `ids` of a list of people or territories (13).
pub const IDS_PARAM_MAX: usize = 100;
/// Names in `fields` (9.1).
pub const FIELDS_PARAM_MAX: usize = 50;
/// Conditions in one criteria (10.2).
pub const CONDITIONS_MAX: usize = 25;
/// Nesting of groups in one criteria.
pub const CRITERIA_DEPTH_MAX: usize = 8;
/// Values of one `in` (9.6).
pub const IN_VALUES_MAX: usize = 100;
/// Bytes of a criteria in its text form.
pub const CRITERIA_BYTES_MAX: usize = 16 * 1024;
/// Fields of one mass update, and of one in Deals (1.2).
pub const MASS_UPDATE_FIELDS_MAX: usize = 1;
/// Fields of one mass update in Deals (1.2).
pub const MASS_UPDATE_DEAL_FIELDS_MAX: usize = 3;
/// Users with whom one record is shared (the vendor's page on sharing records).
pub const SHARES_PER_RECORD_MAX: usize = 10;
/// Territories of one record (12).
pub const TERRITORIES_PER_RECORD_MAX: usize = 10;
/// Characters of a tag's name (9.8, and the vendor's description of tags).
pub const TAG_NAME_MAX: usize = 25;
/// Tags of one record, as the vendor allows.
pub const TAGS_PER_RECORD_MAX: usize = 10;
/// Tags of one module, as the vendor allows.
pub const TAGS_PER_MODULE_MAX: usize = 100;
/// Tags of one call.
pub const TAGS_PER_CALL_MAX: usize = 50;
/// Characters of a note's title.
pub const NOTE_TITLE_MAX: usize = 120;
/// Characters of a note's text.
pub const NOTE_CONTENT_MAX: usize = 32_000;
/// Notes that a record can be given; others can come to it when a lead is converted.
pub const NOTES_PER_RECORD_MAX: usize = 1_000;
/// Attachments that a record can be given, likewise.
pub const ATTACHMENTS_PER_RECORD_MAX: usize = 100;
/// Bytes of an attached file.
pub const ATTACHMENT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Bytes of an attached file that stand in one row.
pub const ATTACHMENT_PIECE_BYTES: usize = 192 * 1024;
/// Characters of an attachment's name.
pub const ATTACHMENT_NAME_MAX: usize = 255;
/// Bytes of an attached link.
pub const ATTACHMENT_LINK_BYTES_MAX: usize = 2_000;
/// Milliseconds after which content that was sent without becoming an attachment is removed.
pub const LOOSE_CONTENT_MS: i64 = 60 * 60 * 1000;
/// Characters of a lock's reason (14.1).
pub const LOCK_REASON_MAX: usize = 3_000;
/// Characters of the reason of a hold that the native API puts.
pub const HOLD_REASON_MAX: usize = LOCK_REASON_MAX;
/// Digits of a scaled decimal.
pub const DECIMAL_DIGITS_MAX: usize = 18;
/// Scopes of one token, code or client (7.5).
pub const SCOPES_MAX: usize = 100;
/// Bytes of one scope.
pub const SCOPE_BYTES_MAX: usize = 120;
/// Validation rules of one module, and layout rules of one.
pub const RULES_MAX: usize = 50;
/// Workflow rules of one module.
pub const WORKFLOW_RULES_MAX: usize = 50;
/// Fields that one workflow rule writes, and fields whose change sets it off.
pub const WORKFLOW_FIELDS_MAX: usize = 25;
/// Tasks that one workflow rule makes, and calls that it owes.
pub const WORKFLOW_ACTIONS_MAX: usize = 5;
/// Days after which a task of a workflow rule is due.
pub const WORKFLOW_DUE_DAYS_MAX: i64 = 3_650;
/// Bytes of what one call of a workflow rule sends.
pub const WEB_HOOK_BODY_BYTES_MAX: usize = 64 * 1024;
/// What workflow rules do in one transaction, counted by [`WorkflowRule::actions`].
///
/// [`WorkflowRule::actions`]: crate::workflow::WorkflowRule::actions
pub const WORKFLOW_BATCH_ACTIONS_MAX: usize = 1_000;
/// Failures of automation on one page of the native list.
pub const FAILURES_PER_PAGE: usize = 50;
/// Events that a job's automation cap may say.
pub const AUTOMATION_CAP_MAX: i64 = 1_000_000_000;
/// Workflow rules whose effects set one another off, before the next one is not run.
pub const WORKFLOW_DEPTH_MAX: usize = 5;
/// Characters of a validation rule's message.
pub const RULE_MESSAGE_MAX: usize = 255;
/// Values of one multi-select field of a record.
pub const MULTI_SELECT_VALUES_MAX: usize = 100;
/// The largest percentage, either side of zero (9.2).
pub const PERCENT_MAX: u64 = 99_999;
/// Rows of a backup that are read, or written, at once.
pub const BACKUP_PAGE_ROWS: usize = 500;
/// Bytes of rows that a restore holds before it writes them.
pub const BACKUP_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a line in a backup: of one record with all its values.
pub const BACKUP_LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Records of one value that are read where records are looked for by it: the first by id.
pub const EQUALS_MAX: usize = 200;
/// Leads of one mass conversion on the wire (3.2).
pub const CONVERSIONS_PER_CALL_MAX: usize = 50;
/// Leads converted in one transaction, each with up to three records that are made of it.
pub const CONVERSIONS_PER_CHUNK_MAX: usize = 1_000;
