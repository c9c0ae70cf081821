"""The collections of achievements, of what was earned, and of backfills; config.api lists them."""
