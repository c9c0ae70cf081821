"""The collections of badges, of what was issued, and of the accounts behind it; config.api lists them."""
