"""Tracking: MLflow in a background thread, and Prefect's run page."""
