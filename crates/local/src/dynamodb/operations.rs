//! DynamoDB's operations by name, on dynoxide's database.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Operations that change nothing.
const READ_OPERATIONS: [&str; 8] = [
    "BatchGetItem",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "ListTables",
    "Query",
    "Scan",
    "TransactGetItems",
];

/// Returns false if the operation changes nothing.
pub(super) fn is_write(operation: &str) -> bool {
    !READ_OPERATIONS.contains(&operation)
}

/// Runs an operation and returns its response in JSON.
pub(super) fn run(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! run {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => serialize(&database.$method(parse(body)?)?),)*
                _ => Err(DynoxideError::ValidationException(format!(
                    "the local DynamoDB does not implement {operation:?}"
                ))),
            }
        };
    }
    run! {
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DeleteItem" => delete_item,
        "DeleteTable" => delete_table,
        "DescribeTable" => describe_table,
        "DescribeTimeToLive" => describe_time_to_live,
        "GetItem" => get_item,
        "ListTables" => list_tables,
        "PutItem" => put_item,
        "Query" => query,
        "Scan" => scan,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "UpdateItem" => update_item,
        "UpdateTable" => update_table,
        "UpdateTimeToLive" => update_time_to_live,
    }
}

/// Parses a request. The SDK sends valid ones; the message is for callers who wrote the JSON themselves.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn serialize(response: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
