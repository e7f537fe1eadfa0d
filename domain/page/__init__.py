"""Pages that a person reads: one environment with autoescape, one stylesheet for light, dark, narrow and print."""
