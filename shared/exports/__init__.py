"""Reading what EHRs export into domain records, as a stream.

    arrived file ──arrivals.parts_to_convert──► parts ──readers.READERS[format].read──► visits

`findings.TABLE` are the findings that readers can have.
"""
