# Shortcuts for https://just.systems. `just --list` prints them; CONTRIBUTING.md describes the commands behind them.

# Start the local stack with example events
demo:
    cargo run --profile quickstart --bin tidings -- dev --demo

# Run the checks and tests that each commit must pass
quick:
    cargo xtask quick

# Run all checks and tests, as CI does
test:
    cargo xtask test

# Run any other development command, such as `just xtask cost --help`
xtask *arguments:
    cargo xtask {{arguments}}

# Update openapi.json after a change of the API
openapi:
    cargo run --bin tidings -- openapi > openapi.json
