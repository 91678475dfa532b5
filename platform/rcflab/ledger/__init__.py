"""The ledger: every event of a cell, durable before anything else hears of it."""
