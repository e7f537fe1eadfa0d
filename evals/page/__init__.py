"""The pages of the scorecard."""
