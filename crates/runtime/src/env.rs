//! What every function reads from its environment, and the AWS clients made from it.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

use crate::retention::Retention;

/// The time in whole milliseconds, which is how exactly records tell it.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A variable that the function cannot start without.
#[derive(thiserror::Error)]
pub enum EnvError {
    /// The variable is not set, or empty.
    #[error("environment variable {0} is not set: infra/template.yaml says which function needs it")]
    Missing(&'static str),
    /// The variable is set to something that it cannot be.
    #[error("environment variable {name} is {value:?}: expected {expected}")]
    Invalid {
        /// The variable's name.
        name: &'static str,
        /// What it is set to.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// As it is told: this is what a function's `main` ends with, and Rust prints the end of `main` so.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The process's environment behind a function, so that tests and the local stack can give their own.
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    /// An environment that answers with what `lookup` finds.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// The variable's value, `None` where it is unset or empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The variable's value.
    pub fn required(&self, name: &'static str) -> Result<String, EnvError> {
        self.get(name).ok_or(EnvError::Missing(name))
    }

    /// The variable parsed; `default` where it is unset.
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

    /// `SHARDS`: into how many partitions the log is spread; fixed for a deployment's life.
    pub fn shards(&self) -> Result<u16, EnvError> {
        const EXPECTED: &str = "a whole number from 1 to 64";
        let shards = self.parsed("SHARDS", 4, EXPECTED)?;
        if (1..=64).contains(&shards) {
            Ok(shards)
        } else {
            Err(EnvError::Invalid { name: "SHARDS", value: shards.to_string(), expected: EXPECTED })
        }
    }

    /// `RETENTION_DAYS`: for how many days what is received is kept; for good where it is 0 or not set.
    pub fn retention(&self) -> Result<Retention, EnvError> {
        const EXPECTED: &str = "a whole number of days, from 0 to 36500";
        match self.parsed("RETENTION_DAYS", 0, EXPECTED)? {
            0 => Ok(Retention::new(None, now)),
            days @ 1..=36_500 => Ok(Retention::new(Some(days), now)),
            days => Err(EnvError::Invalid { name: "RETENTION_DAYS", value: days.to_string(), expected: EXPECTED }),
        }
    }

    /// How many bytes of segments a process may keep: three eighths of the memory that Lambda gives it
    /// (`AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB), which is 1 GB elsewhere. What is in no segment takes a sixth of that
    /// besides, so that seven sixteenths are kept together.
    pub fn room(&self) -> Result<usize, EnvError> {
        let megabytes: usize = self.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024, "a whole number of MB")?;
        Ok((megabytes << 20) / 8 * 3)
    }

    /// How a service of AWS is reached: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, and `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL` where it is not
    /// AWS itself. `service` is the name in that variable: `DYNAMODB`, `SQS`.
    ///
    /// Lambda sets the credentials for as long as the process lives, so the chain of providers that
    /// `aws-config` brings would only cost start-up time.
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
        Ok(config.build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let error = Env::new(&|_| None).required("EVENTS_TABLE").unwrap_err();
        assert!(error.to_string().contains("EVENTS_TABLE is not set"), "{error}");
        assert_eq!(format!("{error:?}"), error.to_string(), "what main prints");
    }

    #[test]
    fn shards_are_bounded() {
        for (value, ok) in [("1", true), ("64", true), ("0", false), ("65", false), ("four", false)] {
            let env = |name: &str| (name == "SHARDS").then(|| value.to_owned());
            assert_eq!(Env::new(&env).shards().is_ok(), ok, "{value}");
        }
        assert_eq!(Env::new(&|_| None).shards().unwrap(), 4);
    }

    #[test]
    fn what_is_kept_fits_into_the_memory() {
        let env = |name: &str| (name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE").then(|| "256".to_owned());
        assert_eq!(Env::new(&env).room().unwrap(), 96 << 20);
        assert_eq!(Env::new(&|_| None).room().unwrap(), 384 << 20);
    }

    #[test]
    fn retention_is_bounded() {
        for (value, ok) in [("0", true), ("36500", true), ("36501", false), ("-1", false), ("long", false)] {
            let env = |name: &str| (name == "RETENTION_DAYS").then(|| value.to_owned());
            assert_eq!(Env::new(&env).retention().is_ok(), ok, "{value}");
        }
    }
}
