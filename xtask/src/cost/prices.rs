//! AWS prices, in one table, without free tiers and volume discounts.
//!
//! The prices are those of US East (N. Virginia) in US dollars, as of [`DATE`], from the named pages. A doc comment
//! names the date of a change of price.

/// Date of the prices.
pub(crate) const DATE: &str = "2026-11-23";

/// Region of the prices.
pub(crate) const REGION: &str = "us-east-1";

/// A price of AWS.
pub(crate) struct Price {
    /// The billed item.
    pub(crate) item: &'static str,
    /// Dollars for one `per`.
    pub(crate) dollars: f64,
    /// The billing unit, in words.
    pub(crate) per: &'static str,
    /// The billing unit, as a number of units.
    units: f64,
    /// The page that documents the price.
    pub(crate) page: &'static str,
}

impl Price {
    /// Returns the dollars for a number of units.
    pub(crate) fn of(&self, units: f64) -> f64 {
        self.dollars * units / self.units
    }
}

const MILLION: f64 = 1e6;

/// Bytes of a GB: AWS counts storage, logs and transfer in binary units.
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
    ($($(#[$doc:meta])* $name:ident: $item:literal, $dollars:literal per $per:literal = $units:expr, $page:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Price =
            Price { item: $item, dollars: $dollars, per: $per, units: $units, page: $page };)*

        /// All prices, in the order of this file.
        pub(crate) const ALL: &[Price] = &[$($name),*];
    };
}

prices! {
    /// Halved in November 2024.
    WRITE: "DynamoDB write request units", 0.625 per "million" = MILLION, DYNAMODB;
    /// Halved in November 2024.
    READ: "DynamoDB read request units", 0.125 per "million" = MILLION, DYNAMODB;
    /// Of tables and indexes. Each item counts 100 bytes more than its size.
    STORAGE: "DynamoDB storage", 0.25 per "GB-month" = GB, DYNAMODB;
    /// Of tables only, without indexes.
    RECOVERY: "DynamoDB point-in-time recovery", 0.20 per "GB-month" = GB, DYNAMODB;
    LAMBDA_REQUEST: "Lambda requests", 0.20 per "million" = MILLION, LAMBDA;
    LAMBDA_TIME: "Lambda time, arm64", 13.3334 per "million GB-seconds" = MILLION, LAMBDA;
    SQS_REQUEST: "SQS requests, standard queue", 0.40 per "million" = MILLION, SQS;
    /// Since July 2025, for messages with a group ID on a standard queue.
    SQS_FAIR: "SQS fair queueing surcharge", 0.10 per "million" = MILLION, SQS;
    /// Per 512 KB of a request.
    HTTP_REQUEST: "API Gateway HTTP API requests", 1.00 per "million" = MILLION, GATEWAY;
    LOG: "CloudWatch Logs ingestion", 0.50 per "GB" = GB, CLOUDWATCH;
    LOG_STORAGE: "CloudWatch Logs storage", 0.03 per "GB-month" = GB, CLOUDWATCH;
    METRIC: "CloudWatch custom metrics", 0.30 per "metric-month" = 1.0, CLOUDWATCH;
    ALARM: "CloudWatch alarms", 0.10 per "alarm-month" = 1.0, CLOUDWATCH;
    DASHBOARD: "CloudWatch dashboards", 3.00 per "dashboard-month" = 1.0, CLOUDWATCH;
    KEY: "KMS keys", 1.00 per "key-month" = 1.0, KMS;
    /// The account's key of `DynamoDB`, `aws/dynamodb`, is billed for requests only.
    KEY_REQUEST: "KMS requests", 0.03 per "10,000" = 10_000.0, KMS;
    TRACE: "X-Ray traces recorded", 5.00 per "million" = MILLION, XRAY;
    TRANSFER: "data transfer out to the internet", 0.09 per "GB" = GB, EC2;
    /// Per 64 KB of an event.
    BUS_EVENT: "EventBridge custom events", 1.00 per "million" = MILLION, EVENTBRIDGE;
    BUS_DELIVERY: "EventBridge API destinations", 0.20 per "million" = MILLION, EVENTBRIDGE;
    BUS_ARCHIVE_INGESTION: "EventBridge archive ingestion", 0.10 per "GB" = GB, EVENTBRIDGE;
    BUS_ARCHIVE_STORAGE: "EventBridge archive storage", 0.023 per "GB-month" = GB, EVENTBRIDGE;
}
