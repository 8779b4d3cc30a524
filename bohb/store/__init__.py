"""The store: every read of a study's storage, and every write to it."""
