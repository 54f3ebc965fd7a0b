"""What every room shares: the tables, the two stores, the settings, and the stages between posts and alerts."""

__version__ = "0.1.0"
