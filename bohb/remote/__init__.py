"""Legs outside the study's process: how they get to a worker, and their results back."""
