"""The control process: clock, monitor, engine, publisher, orders, and the controller that joins them."""
