//! What AWS charges: the one table of prices, without free tiers and volume discounts.
//!
//! US East (N. Virginia), in US dollars. Looked up on 2026-11-23, from the pages that are named; where a price comes
//! from a report of that page, the report's date stands beside it.

/// When the prices were looked up.
pub(crate) const DATE: &str = "2026-11-23";

/// The region that they are of.
pub(crate) const REGION: &str = "us-east-1";

/// One price: what for, in dollars for how many of its units, and where it stands.
pub(crate) struct Price {
    /// What is charged.
    pub(crate) what: &'static str,
    /// Dollars.
    pub(crate) dollars: f64,
    /// For this.
    pub(crate) per: &'static str,
    /// How many units `per` is.
    units: f64,
    /// The page that says so.
    pub(crate) page: &'static str,
}

impl Price {
    /// What so many units cost.
    pub(crate) fn of(&self, units: f64) -> f64 {
        self.dollars * units / self.units
    }
}

const MILLION: f64 = 1e6;

/// Bytes of a GB, as AWS counts storage, logs and transfer.
const GB: f64 = 1_073_741_824.0;

const DYNAMODB: &str = "aws.amazon.com/dynamodb/pricing/on-demand";
const LAMBDA: &str = "aws.amazon.com/lambda/pricing";
const SQS: &str = "aws.amazon.com/sqs/pricing";
const GATEWAY: &str = "aws.amazon.com/api-gateway/pricing";
const CLOUDWATCH: &str = "aws.amazon.com/cloudwatch/pricing";
const KMS: &str = "aws.amazon.com/kms/pricing";
const XRAY: &str = "aws.amazon.com/xray/pricing";
const EC2: &str = "aws.amazon.com/ec2/pricing/on-demand";
const EVENTBRIDGE: &str = "aws.amazon.com/eventbridge/pricing";

macro_rules! prices {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $dollars:literal per $per:literal = $units:expr, $page:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Price =
            Price { what: $what, dollars: $dollars, per: $per, units: $units, page: $page };)*

        /// All of them, in the order of this file.
        pub(crate) const ALL: &[Price] = &[$($name),*];
    };
}

prices! {
    /// Halved in November 2024.
    WRITE: "DynamoDB write request units", 0.625 per "million" = MILLION, DYNAMODB;
    /// Halved in November 2024.
    READ: "DynamoDB read request units", 0.125 per "million" = MILLION, DYNAMODB;
    /// Table and indexes; 100 bytes beside each item count too.
    STORAGE: "DynamoDB storage", 0.25 per "GB-month" = GB, DYNAMODB;
    /// Of tables, not of their indexes.
    RECOVERY: "DynamoDB point-in-time recovery", 0.20 per "GB-month" = GB, DYNAMODB;
    LAMBDA_REQUEST: "Lambda requests", 0.20 per "million" = MILLION, LAMBDA;
    LAMBDA_TIME: "Lambda time, arm64", 13.3334 per "million GB-seconds" = MILLION, LAMBDA;
    SQS_REQUEST: "SQS requests, standard queue", 0.40 per "million" = MILLION, SQS;
    /// Since July 2025, for messages with a group on a standard queue.
    SQS_FAIR: "SQS fair queueing, on top", 0.10 per "million" = MILLION, SQS;
    /// Each 512 KB count as one.
    HTTP_REQUEST: "API Gateway HTTP API requests", 1.00 per "million" = MILLION, GATEWAY;
    LOG: "CloudWatch Logs taken in", 0.50 per "GB" = GB, CLOUDWATCH;
    LOG_KEPT: "CloudWatch Logs kept", 0.03 per "GB-month" = GB, CLOUDWATCH;
    METRIC: "CloudWatch custom metrics", 0.30 per "metric-month" = 1.0, CLOUDWATCH;
    ALARM: "CloudWatch alarms", 0.10 per "alarm-month" = 1.0, CLOUDWATCH;
    DASHBOARD: "CloudWatch dashboards", 3.00 per "dashboard-month" = 1.0, CLOUDWATCH;
    KEY: "KMS keys", 1.00 per "key-month" = 1.0, KMS;
    /// The tables' own key costs nothing but these.
    KEY_REQUEST: "KMS requests", 0.03 per "10,000" = 10_000.0, KMS;
    TRACE: "X-Ray traces recorded", 5.00 per "million" = MILLION, XRAY;
    TRANSFER: "data out to the internet", 0.09 per "GB" = GB, EC2;
    /// Each 64 KB count as one.
    BUS_EVENT: "EventBridge custom events", 1.00 per "million" = MILLION, EVENTBRIDGE;
    BUS_DELIVERY: "EventBridge API destinations", 0.20 per "million" = MILLION, EVENTBRIDGE;
    BUS_ARCHIVED: "EventBridge archive taken in", 0.10 per "GB" = GB, EVENTBRIDGE;
    BUS_ARCHIVE: "EventBridge archive kept", 0.023 per "GB-month" = GB, EVENTBRIDGE;
}
