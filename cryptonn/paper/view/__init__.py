"""What a person watches while a session trades: a status read from its ledger,
on a terminal and as a local page.
"""
