//! Distributions of durations, and sums of independent ones.

/// Width of a bin in milliseconds.
const BIN_MS: f64 = 0.5;

/// Number of bins: durations up to five seconds.
const BIN_COUNT: usize = 10_000;

/// Number of equally probable values by which a published distribution is represented.
const SAMPLE_COUNT: usize = 2_000;

/// Factor from the 99th percentile to the longest duration, an assumption: published measurements end at the 99th.
const LONGEST_PER_P99: f64 = 2.0;

/// A distribution of which some percentiles are published. Between them, durations are equally distributed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Percentiles {
    /// The 10th percentile in milliseconds. No duration is shorter than half of it.
    pub(super) p10: f64,
    /// The median in milliseconds.
    pub(super) p50: f64,
    /// The 90th percentile in milliseconds.
    pub(super) p90: f64,
    /// The 99th percentile in milliseconds.
    pub(super) p99: f64,
}

impl Percentiles {
    /// Returns the duration at a share from 0 to 1.
    fn at(self, share: f64) -> f64 {
        let points = [
            (0.0, self.p10 / 2.0),
            (0.1, self.p10),
            (0.5, self.p50),
            (0.9, self.p90),
            (0.99, self.p99),
            (1.0, self.p99 * LONGEST_PER_P99),
        ];
        let pair = points.windows(2).find(|pair| share <= pair[1].0).unwrap_or(&points[4..]);
        let ((low, from), (high, until)) = (pair[0], pair[1]);
        from + (until - from) * (share - low) / (high - low)
    }

    /// Returns the distribution of one duration.
    pub(super) fn one(self) -> Distribution {
        self.longest_of(1)
    }

    /// Returns the distribution of the longest of `count` durations that run at the same time.
    pub(super) fn longest_of(self, count: u32) -> Distribution {
        let samples = (0..SAMPLE_COUNT).map(|index| (to_f64(index) + 0.5) / to_f64(SAMPLE_COUNT));
        Distribution::of_samples(samples.map(|share| self.at(share.powf(1.0 / f64::from(count)))))
    }
}

/// The probability of each bin.
#[derive(Debug, Clone)]
pub(super) struct Distribution(Vec<f64>);

impl Distribution {
    fn of_samples(samples: impl ExactSizeIterator<Item = f64>) -> Self {
        let (mut bins, share) = (vec![0.0; BIN_COUNT], 1.0 / to_f64(samples.len()));
        for sample in samples {
            bins[to_bin(sample)] += share;
        }
        Self(bins)
    }

    /// Returns the distribution of the sum of independent durations.
    pub(super) fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut bins = vec![0.0; BIN_COUNT];
        bins[0] = 1.0;
        for Self(part) in parts {
            let mut sum = vec![0.0; BIN_COUNT];
            let nonzero =
                |bins: &[f64]| bins.iter().copied().enumerate().filter(|(_, share)| *share > 0.0).collect::<Vec<_>>();
            for (a, first) in nonzero(&bins) {
                for (b, second) in nonzero(&part) {
                    sum[(a + b).min(BIN_COUNT - 1)] += first * second;
                }
            }
            bins = sum;
        }
        Self(bins)
    }

    /// Returns a percentile in milliseconds.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let mut total = 0.0;
        let reaches = |share: &f64| {
            total += share;
            total >= percent / 100.0 - 1e-9
        };
        to_f64(self.0.iter().position(reaches).unwrap_or(BIN_COUNT)) * BIN_MS
    }
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "durations are short and not negative")]
fn to_bin(ms: f64) -> usize {
    ((ms / BIN_MS) as usize).min(BIN_COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Percentiles = Percentiles { p10: 10.0, p50: 20.0, p90: 60.0, p99: 100.0 };

    #[track_caller]
    fn assert_near(a: f64, b: f64) {
        assert!((a - b).abs() <= 2.0, "{a} instead of {b}");
    }

    #[test]
    fn one_duration_has_its_own_percentiles() {
        let one = EXAMPLE.one();
        for (percent, expected) in [(10.0, 10.0), (50.0, 20.0), (90.0, 60.0), (99.0, 100.0)] {
            assert_near(one.percentile(percent), expected);
        }
    }

    #[test]
    fn the_longest_of_several_durations_is_longer() {
        // 0.5 is the share of ten durations that are all below the share 0.933 of one.
        assert_near(EXAMPLE.longest_of(10).percentile(50.0), EXAMPLE.at(0.5_f64.powf(0.1)));
    }

    #[test]
    fn sums_are_convolutions() {
        let constant = |ms: f64| Distribution::of_samples(std::iter::once(ms).collect::<Vec<_>>().into_iter());
        let sum = Distribution::sum([constant(10.0), constant(20.0)]);
        assert_near(sum.percentile(1.0), 30.0);
        assert_near(sum.percentile(99.0), 30.0);
        // Two dice of 0 or 100 ms: the sum is 0 in a quarter, and 200 in a quarter.
        let die = || Distribution::of_samples(vec![0.0, 100.0].into_iter());
        let sum = Distribution::sum([die(), die()]);
        assert_near(sum.percentile(24.0), 0.0);
        assert_near(sum.percentile(50.0), 100.0);
        assert_near(sum.percentile(80.0), 200.0);
    }
}
