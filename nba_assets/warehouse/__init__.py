"""Stage, audit, publish, read what is certified; the ledger; one implementation an engine."""
