"""HTML pages: one layout, macros, charts, and a stylesheet for light, dark, narrow and print."""
