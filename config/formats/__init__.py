"""How dates are written in lists, where a language's own short form misleads (FORMAT_MODULE_PATH)."""
