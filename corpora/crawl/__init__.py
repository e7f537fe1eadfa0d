"""Crawled pages: records of WARC and WET files, and Common Crawl by its index."""
