"""Viewing patterns: when people watch, what, and how it changes."""
