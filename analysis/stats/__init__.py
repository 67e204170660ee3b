"""Statistics that every room needs."""
