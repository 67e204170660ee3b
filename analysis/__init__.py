"""Primetime's plain-Python half: data, recommenders, viewing patterns and experiments, without a screen."""
