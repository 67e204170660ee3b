"""The simulated streaming service: sample data whose truth is known."""
