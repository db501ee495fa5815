"""The browser's views: one per file, each drawing what `Assistant` gives."""
