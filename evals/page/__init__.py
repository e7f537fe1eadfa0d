"""The scorecard's HTML page."""
