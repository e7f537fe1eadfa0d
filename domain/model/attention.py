"""Documents that share a row do not see each other: masks and positions from segments, as each architecture takes them."""
