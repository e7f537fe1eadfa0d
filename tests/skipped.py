"""The last line of a suite: what was not proven, and for want of what."""

from __future__ import annotations

from collections import Counter

LACKING = {"SHOPTALK_TEST_DATA": "data", "CUDA": "a GPU", "SHOPTALK_NETWORK": "a network"}


def skipped_line(reasons: list[str]) -> str:
    """How many tests were skipped, and for want of what; reasons of another kind as they are."""
    counts: Counter[str] = Counter()
    for reason in reasons:
        lacking = next((what for name, what in LACKING.items() if name in reason), "")
        counts[f"for want of {lacking}" if lacking else reason.removeprefix("Skipped: ")] += 1
    if not counts:
        return "skipped: nothing"
    return "skipped: " + ", ".join(f"{count} {why}" for why, count in sorted(counts.items()))
