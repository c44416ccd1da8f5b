"""Reads what EHRs export into visits, as a stream.

    arrived file ──arrivals.parts_to_convert──► parts ──readers.READERS[format].read──► visits

`formats.FORMATS` lists the formats, `findings.TABLE` the findings that readers make.
"""
