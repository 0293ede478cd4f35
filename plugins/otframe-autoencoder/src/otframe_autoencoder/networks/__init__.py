"""Networks in plain torch: no pipeline, no parameters, no files but weights."""
