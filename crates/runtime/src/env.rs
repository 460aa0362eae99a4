//! Settings from environment variables, and the configuration of AWS clients.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use model::Retention;

use crate::clock::now;

/// Maximum time of a call to AWS, including its retries. API Gateway gives up after 30 seconds, and the calls of a request
/// depend on each other.
const MAX_OPERATION_TIME: Duration = Duration::from_secs(8);

/// An environment variable that prevents the function from starting.
#[derive(thiserror::Error)]
pub enum EnvError {
    /// The variable is unset or empty.
    #[error("environment variable {0} is not set: infra/template.yaml says which function needs it")]
    Missing(&'static str),
    /// The value of the variable is invalid.
    #[error("environment variable {name} is {value:?}: expected {expected}")]
    Invalid {
        /// Name of the variable.
        name: &'static str,
        /// Value of the variable.
        value: String,
        /// Description of the valid values.
        expected: &'static str,
    },
}

/// Equal to the `Display` format: a function's `main` returns this error, and Rust prints it in the `Debug` format.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The environment variables of the process, or those that a test or the local stack provides.
pub struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// HTTP client of AWS clients, if it is not the SDK's.
    http_client: Option<SharedHttpClient>,
}

impl<'a> Env<'a> {
    /// Creates an environment whose variables are looked up by `lookup`.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, http_client: None }
    }

    /// Lets AWS clients use this HTTP client. The local stack calls its services without a network.
    #[must_use]
    pub fn with_http_client(self, http_client: SharedHttpClient) -> Self {
        Self { http_client: Some(http_client), ..self }
    }

    /// Returns the value of a variable; `None` if it is unset or empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// Returns the value of a required variable.
    pub fn required(&self, name: &'static str) -> Result<String, EnvError> {
        self.get(name).ok_or(EnvError::Missing(name))
    }

    /// Parses the value of a variable; returns `default` if it is unset.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        name: &'static str,
        default: T,
        expected: &'static str,
    ) -> Result<T, EnvError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| EnvError::Invalid { name, value, expected }),
        }
    }

    /// Returns `SHARDS`, the number of partitions of the log. It cannot change while a deployment exists.
    pub fn shards(&self) -> Result<u16, EnvError> {
        const EXPECTED: &str = "a whole number from 1 to 64";
        let shards = self.parsed("SHARDS", 4, EXPECTED)?;
        if (1..=64).contains(&shards) {
            Ok(shards)
        } else {
            Err(EnvError::Invalid { name: "SHARDS", value: shards.to_string(), expected: EXPECTED })
        }
    }

    /// Returns the retention of `RETENTION_DAYS` days. Data is kept forever if the variable is 0 or unset.
    pub fn retention(&self) -> Result<Retention, EnvError> {
        const EXPECTED: &str = "a whole number of days, from 0 to 36500";
        match self.parsed("RETENTION_DAYS", 0, EXPECTED)? {
            0 => Ok(Retention::new(None, now)),
            days @ 1..=36_500 => Ok(Retention::new(Some(days), now)),
            days => Err(EnvError::Invalid { name: "RETENTION_DAYS", value: days.to_string(), expected: EXPECTED }),
        }
    }

    /// Returns the size of the segment cache in bytes: three eighths of the function's memory
    /// (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB; 1 GB outside Lambda). The cache of unpacked events takes another
    /// sixth of that size, so both caches together take seven sixteenths of the memory.
    pub fn segment_cache_bytes(&self) -> Result<usize, EnvError> {
        let megabytes: usize = self.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024, "a whole number of MB")?;
        Ok((megabytes << 20) / 8 * 3)
    }

    /// Returns the configuration of an AWS client from `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, and `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL` for endpoints outside AWS.
    /// `service` is the name in that variable: `DYNAMODB`, `SQS`.
    ///
    /// Lambda sets credentials that are valid for the lifetime of the process. The provider chain of `aws-config`
    /// would only add start-up time.
    pub fn aws(&self, service: &str) -> Result<SdkConfig, EnvError> {
        let credentials = Credentials::new(
            self.required("AWS_ACCESS_KEY_ID")?,
            self.required("AWS_SECRET_ACCESS_KEY")?,
            self.get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(MAX_OPERATION_TIME)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts);
        let endpoint = self.get(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| self.get("AWS_ENDPOINT_URL"));
        if let Some(url) = endpoint {
            config = config.endpoint_url(url);
        }
        if let Some(http_client) = &self.http_client {
            config = config.http_client(http_client.clone());
        }
        Ok(config.build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let error = Env::new(&|_| None).required("EVENTS_TABLE").unwrap_err();
        assert!(error.to_string().contains("EVENTS_TABLE is not set"), "{error}");
        assert_eq!(format!("{error:?}"), error.to_string(), "main prints the Debug format");
    }

    #[test]
    fn shards_outside_the_range_are_rejected() {
        for (value, ok) in [("1", true), ("64", true), ("0", false), ("65", false), ("four", false)] {
            let env = |name: &str| (name == "SHARDS").then(|| value.to_owned());
            assert_eq!(Env::new(&env).shards().is_ok(), ok, "{value}");
        }
        assert_eq!(Env::new(&|_| None).shards().unwrap(), 4);
    }

    #[test]
    fn the_segment_cache_is_a_share_of_the_memory() {
        let env = |name: &str| (name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE").then(|| "256".to_owned());
        assert_eq!(Env::new(&env).segment_cache_bytes().unwrap(), 96 << 20);
        assert_eq!(Env::new(&|_| None).segment_cache_bytes().unwrap(), 384 << 20);
    }

    #[test]
    fn retention_outside_the_range_is_rejected() {
        for (value, ok) in [("0", true), ("36500", true), ("36501", false), ("-1", false), ("long", false)] {
            let env = |name: &str| (name == "RETENTION_DAYS").then(|| value.to_owned());
            assert_eq!(Env::new(&env).retention().is_ok(), ok, "{value}");
        }
    }
}
