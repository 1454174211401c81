"""Operation 3: a report over every imported row, computed row by row, with a chart, as a file to download."""
