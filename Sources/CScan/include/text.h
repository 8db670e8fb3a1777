// JSON and UTF-8 text.
