"""When things run: the only place that knows the order of the stages and wires the rooms."""
