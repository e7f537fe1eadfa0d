"""What happened to every document: the ledger's rows, queries, samples and histories."""
