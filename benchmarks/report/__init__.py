"""From figures to what is read: results as JSON files, tables in Markdown, charts, and the page of costs."""
