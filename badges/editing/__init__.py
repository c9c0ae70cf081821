"""A badge's own form: making and changing it, with the dialogs that choose its provider and template."""
