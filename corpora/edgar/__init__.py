"""EDGAR, the archive of the US Securities and Exchange Commission: its indexes, its filings, and their cache."""
