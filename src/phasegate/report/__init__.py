"""What a person is shown of what happened: assembled from the ledger, worded once, drawn in three forms."""
