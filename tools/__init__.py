"""tools: what keeps the project's own pages and measurements in step with its code."""
