"""What the chapter trains and measures: a model, five tasks in four settings, recall, the runs."""
