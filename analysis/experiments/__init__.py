"""A/B tests: metrics, tests, health checks and a verdict in words."""
