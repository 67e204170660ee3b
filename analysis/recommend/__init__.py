"""Recommenders: one contract, the classic models, honest evaluation."""
