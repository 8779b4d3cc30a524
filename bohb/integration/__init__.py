"""Callbacks for training frameworks: each saves before it asks whether its trial is to pause.

They are in modules of their own, so that a framework is imported only by those who use it:
`bohb.integration.lightning`, `bohb.integration.keras` and `bohb.integration.transformers`.
"""
