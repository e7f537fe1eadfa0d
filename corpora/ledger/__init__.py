"""What became of every document: the ledger's rows, queries of them, samples and stories."""
