"""Sources and filters that suit a field, for the recipe that ``shoptalk new --domain`` writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """YAML of a starter recipe: ``sources`` below ``corpus.domain``, and the lines ``filters`` and ``dedup``."""

    what: str
    sources: str
    filters: str
    dedup: str
    licences: tuple[str, ...] = ()  # that its public text has


GENERIC = Domain(
    what="one line on what this domain is",
    sources="""\
    - kind: files
      path: data/{name}/*.jsonl         # .jsonl(.gz, .zst), .parquet, .csv, .txt, .md; a glob or a URL
      text: text                        # the column of the text; id, date, url map likewise
      licence: internal                 # a column, or one licence for all
""",
    filters="documents            # language, quality, privacy, harm; web for crawled pages; or a list of your own",
    dedup="[exact, near]",
)
MEDICINE = Domain(
    what="medicine: letters and reports of a hospital, and clinical guidelines",
    sources="""\
    - kind: files
      name: letters                     # discharge letters and reports, a record each
      path: data/{name}/letters/*.jsonl
      text: text
      licence: internal
      near: false                       # letters of one template are texts of their own
      filters:                          # short, with few full sentences: asked for less than other text
        - language
        - {{kind: quality, gopher: {{words_least: 10, stop_words_least: 0}}, repetition: false}}
        - privacy                       # masks numbers, addresses and keys; names stay, so pseudonymise letters before
    - kind: files
      name: guidelines                  # guidelines and articles, as .jsonl, .html or .pdf
      path: data/{name}/guidelines/*
      licence: internal
    # Public guidelines of WHO, NICE, CDC and others (see its licence first, and allow it below):
    # - {{kind: hub, dataset: epfl-llm/guidelines, text: clean_text, licence: common-crawl,
    #    revision: a8f0269471088e4c8aafe2319f30c14b2fad82bc}}
""",
    filters="[language, quality, privacy]   # no harm filter: a list of words knows no anatomy",
    dedup="[exact, near]",
)
LAW = Domain(
    what="law: contracts of a firm, and judgments",
    sources="""\
    - kind: files
      name: contracts                   # contracts and briefs, as .jsonl, .html, .pdf or .txt
      path: data/{name}/contracts/*
      licence: internal
      filters:                          # clauses repeat, and lists are long
        - language
        - {{kind: quality, repetition: false, gopher: {{bullets: 1.0}}}}
        - privacy
    - kind: files
      name: judgments                   # judgments and statutes; quotations in them are no harm
      path: data/{name}/judgments/*.jsonl
      text: text
      date: date                        # the day of the decision: later text can be held out by it
      licence: public-domain
      filters: [language, quality, privacy]
    # Six million judgments of US courts, CC0; pin the newest commit of
    # huggingface.co/datasets/free-law/Caselaw_Access_Project/commits/main (40 hex digits):
    # - {{kind: hub, dataset: free-law/Caselaw_Access_Project, documents: 100000, licence: cc0-1.0, revision: ...}}
""",
    filters="documents            # of the text without filters of its own",
    dedup="[exact, near, passages]      # clauses that many contracts share stay once",
    licences=("public-domain", "cc0-1.0"),
)
FINANCE = Domain(
    what="finance: filings, and the notes of a desk",
    sources="""\
    - kind: files
      name: notes                       # calls, research and notes, a record each
      path: data/{name}/*.jsonl
      text: text
      date: date
      licence: internal
    # Filings from EDGAR, asked at the SEC's pace; it wants to know who asks:
    # - {{kind: edgar, forms: [10-K, 10-Q, 8-K], since: 2020-01-01, companies: [MSFT], contact: you@your-firm}}
""",
    filters="documents            # language, quality, privacy, harm",
    dedup="[exact, near, passages]      # the legal text of filings stays once",
    licences=("public-domain",),
)
DOMAINS = {"finance": FINANCE, "law": LAW, "medicine": MEDICINE}
